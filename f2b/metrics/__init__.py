"""`f2b metrics`: how the server does, for Prometheus. A process of its own, without rights, that asks it at times."""
