"""Everything of one name from the modules of a folder: a new module needs no list to stand in."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any


def gather(package: ModuleType | str, name: str) -> tuple[Any, ...]:
    """The items of ``name`` in every module of ``package`` that has it, by module name."""
    found = importlib.import_module(package) if isinstance(package, str) else package
    return tuple(item for module in _modules(found) for item in getattr(module, name, ()))


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for entry in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        yield importlib.import_module(f"{package.__name__}.{entry.name}")
