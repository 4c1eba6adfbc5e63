"""Where rule files and templates lie: inside an installed wheel, or beside the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def data_dir(name: str) -> Path:
    """The folder ``rules`` or ``templates``. Raises ``FileNotFoundError`` for a broken install."""
    package = Path(str(files("lrdoctor")))
    for candidate in (package / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"lrdoctor is installed without its {name} folder; install it again")
