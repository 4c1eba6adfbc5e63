"""Finds learning-rate faults in training logs, proposes corrected schedules and replays them.

``analyze(paths)`` gives a report, ``render(report, "html")`` writes it; ``read_runs``,
``diagnose`` and ``load_rulebook`` are the steps in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrdoctor._version import __version__

if TYPE_CHECKING:
    from lrdoctor.api import analyze, diagnose, read_runs, render
    from lrdoctor.rulebook import load_rulebook

__all__ = ["__version__", "analyze", "diagnose", "load_rulebook", "read_runs", "render"]

_HOMES = {
    "analyze": "lrdoctor.api",
    "diagnose": "lrdoctor.api",
    "read_runs": "lrdoctor.api",
    "render": "lrdoctor.api",
    "load_rulebook": "lrdoctor.rulebook",
}


def __getattr__(name: str) -> Any:
    """Loads a public function on first use, so that the command line starts without numpy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'lrdoctor' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
