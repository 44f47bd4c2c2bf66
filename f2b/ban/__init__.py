"""Counting failures, and who is banned until when."""
