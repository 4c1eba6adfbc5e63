"""Atomic LR curves of local time: one per file."""
