"""Finds plug-ins: exactly one per public file of a folder, plus entry points of other packages."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import Any

from lrdoctor.errors import ConfigError

ENTRY_POINT_PREFIX = "lrdoctor."


@cache
def discover(folder: str) -> dict[str, type[Any]]:
    """Plug-in classes of ``lrdoctor.<folder>`` by name, sorted, with those of other packages.

    A plug-in class is a class of its own file with a string attribute ``name``. Raises
    ``ConfigError`` for a file with none or several, and for a name used twice. Outside packages
    register under the entry-point group ``lrdoctor.<folder>`` and meet the same checks.
    """
    package = importlib.import_module(f"lrdoctor.{folder}")
    found: dict[str, type[Any]] = {}
    for info in pkgutil.iter_modules(package.__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            _add(found, _only_plugin(module), module.__name__)
    for label, plugin in _from_entry_points(folder):
        _add(found, plugin, label)
    return dict(sorted(found.items()))


def _only_plugin(module: ModuleType) -> type[Any]:
    classes = [
        value
        for key, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and not key.startswith("_")
        and isinstance(getattr(value, "name", None), str)
    ]
    if len(classes) != 1:
        names = ", ".join(c.__name__ for c in classes) or "none"
        raise ConfigError(
            f"a plug-in file holds exactly one plug-in class, found {names}", module.__file__
        )
    return classes[0]


def _from_entry_points(folder: str) -> list[tuple[str, type[Any]]]:
    # importlib.metadata costs 90 ms, so it is imported only when plug-ins are really asked for.
    from importlib.metadata import entry_points

    plugins = []
    for point in entry_points(group=ENTRY_POINT_PREFIX + folder):
        try:
            plugin = point.load()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise ConfigError(f"plug-in {point.value} cannot be loaded: {reason}") from error
        if not isinstance(plugin, type) or not isinstance(getattr(plugin, "name", None), str):
            raise ConfigError(f"entry point {point.value} is not a plug-in class with a name")
        plugins.append((point.value, plugin))
    return plugins


def _add(found: dict[str, type[Any]], plugin: type[Any], label: str) -> None:
    if plugin.name in found:
        other = found[plugin.name]
        raise ConfigError(f"{label}: plug-in name {plugin.name!r} is taken by {other.__module__}")
    found[plugin.name] = plugin
