"""Plug-in discovery and its checks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import lrdoctor
from lrdoctor import plugins
from lrdoctor.errors import ConfigError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A throw-away folder ``lrdoctor.scratch`` beside the real ones."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.setattr(lrdoctor, "__path__", [*lrdoctor.__path__, str(tmp_path)])
    yield folder
    for name in [n for n in sys.modules if n.startswith("lrdoctor.scratch")]:
        del sys.modules[name]
    plugins.discover.cache_clear()


def test_one_class_per_file_sorted_by_name(package: Path) -> None:
    (package / "b.py").write_text("class B:\n    name = 'beta'\n")
    (package / "a.py").write_text("class Z:\n    name = 'zeta'\nclass _Private:\n    name = 'p'\n")
    (package / "_help.py").write_text("raise RuntimeError('never imported')")
    assert list(plugins.discover("scratch")) == ["beta", "zeta"]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1", "found none"),
        ("class A:\n    name = 'a'\nclass B:\n    name = 'b'", "found A, B"),
    ],
)
def test_wrong_number_of_classes_is_refused(package: Path, source: str, complaint: str) -> None:
    (package / "bad.py").write_text(source)
    with pytest.raises(ConfigError, match=complaint):
        plugins.discover("scratch")


def test_duplicate_name_is_refused(package: Path) -> None:
    for stem in "ab":
        (package / f"{stem}.py").write_text("class A:\n    name = 'same'\n")
    with pytest.raises(ConfigError, match=r"taken by lrdoctor\.scratch\.a"):
        plugins.discover("scratch")


@pytest.mark.parametrize(
    "folder", ["shapes", "schedules", "detectors", "fixes", "readers", "reports"]
)
def test_every_folder_of_plugins_loads(folder: str) -> None:
    found = plugins.discover(folder)
    assert found
    assert all(cls.__doc__ for cls in found.values())
