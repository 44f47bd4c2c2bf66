"""The server: the task graph that carries lines in and effects out."""
