"""f2b: reads logs, finds attackers, and keeps them out."""

__version__ = "0.1.0"
