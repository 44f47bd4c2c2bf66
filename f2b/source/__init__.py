"""Where lines come from: files that are followed, and the journal."""
