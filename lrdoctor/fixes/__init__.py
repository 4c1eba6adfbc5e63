"""One correction per file."""
