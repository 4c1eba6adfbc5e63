"""Plain functions on arrays: noise, trends, plateaus, change points."""
