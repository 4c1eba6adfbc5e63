"""One measurable fault per file."""
