"""scitq from Python: scitq.lib."""
