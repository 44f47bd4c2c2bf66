"""`f2b notify`: tells people what the server does. A process of its own, without rights, that follows its events."""
