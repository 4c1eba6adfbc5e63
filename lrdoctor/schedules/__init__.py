"""Named schedules as users know them: one per file."""
