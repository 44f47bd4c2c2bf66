"""Talking to the server: the protocol, its requests, both ends of the socket."""

FAIL2BAN_VERSION = "1.0.2"
"""The Fail2Ban whose language we speak, and whose name we answer to. Clients choose their parsers by it."""
