"""`f2b fleet`: the ban of one host is the ban of all, by Redis. A process of its own beside the server."""
