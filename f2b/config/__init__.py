"""The configuration: the .conf dialect, and the typed settings made of it."""
