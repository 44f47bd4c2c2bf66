"""f2b in a browser, and for other firewalls' enforcers: what `f2b web` runs beside the server, without its rights."""
