"""The user's own training as replay: run for the logged LR and for every candidate."""
