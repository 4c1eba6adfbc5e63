"""Replay engines: one per file."""
