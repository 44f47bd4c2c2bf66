"""Talking to the server: the protocol, its requests, both ends of the socket."""
