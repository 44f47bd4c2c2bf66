"""Dates in log lines: where they stand, and what they are."""
