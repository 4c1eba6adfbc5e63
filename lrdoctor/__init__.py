"""Finds learning-rate faults in training logs, proposes corrected schedules and replays them."""

from lrdoctor._version import __version__

__all__ = ["__version__"]
