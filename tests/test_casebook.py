"""Pictures and measured figures beside the rules, and how ``explain`` and the index show them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lrdoctor import casebook
from lrdoctor.cli.explain import describe
from lrdoctor.cli.rules import index
from lrdoctor.rulebook import load_rulebook

RULES = load_rulebook().rules
FIGURES = {
    "date": "2026-01-02",
    "seeds": "1..9",
    "healthy": {"runs": 90, "flagged": 1},
    "rules": {"LRD301": {"runs": 20, "found": 19, "alarms": 21, "true": 18}},
}
PICTURE = {
    "signal": "LR",
    "log": True,
    "span": [2, 4],
    "sick": {"step": [0, 2, 4], "value": [1.0, None, 0.1]},
    "healthy": None,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of rules of its own, and no memory of the real one."""
    monkeypatch.setattr(casebook, "data_dir", lambda name: tmp_path)
    for cached in (casebook.measured, casebook._load):
        cached.cache_clear()
    yield tmp_path
    for cached in (casebook.measured, casebook._load):
        cached.cache_clear()


def rule(code: str):  # type: ignore[no-untyped-def]
    return next(r for r in RULES if r.code == code)


def test_without_files_nothing_is_claimed(folder: Path) -> None:
    assert casebook.measured() is None
    assert casebook.pictures_of("LRD301") == ()
    assert "not measured yet" in describe(rule("LRD301"))
    assert "Measured on" not in index(RULES)


def test_figures_stand_in_the_index_and_in_the_explanation(folder: Path) -> None:
    (folder / "measured.json").write_text(json.dumps(FIGURES))
    text = " ".join(describe(rule("LRD301")).split())
    assert "measured 2026-01-02 on fresh seeds: found in 19 of 20 faulty trainings" in text
    assert "18 of its 21 warnings and errors were true" in text
    page = index(RULES)
    assert "| 19 of 20 | 18 of 21 |" in page
    assert "Of 90 healthy trainings and controls 1 got a warning" in page


def test_a_picture_is_drawn_with_its_span(folder: Path) -> None:
    (folder / "pictures.json").write_text(json.dumps({"LRD301": [PICTURE]}))
    (picture,) = casebook.pictures_of("LRD301")
    assert picture.span == (2.0, 4.0) and picture.healthy is None
    assert len(picture.sick.finite()) == 2
    text = describe(rule("LRD301"))
    assert "LR, with the fault" in text and "healthy\n" not in text and "━" in text


def test_what_explains_a_rule_is_told() -> None:
    effect = replace(rule("LRD301"), explained_by=("some-cause",), fixes=())
    text = describe(effect)
    assert "one of these explains it\n  some-cause" in text
    assert "No LR schedule mends this" in text


@pytest.mark.parametrize("which", RULES, ids=lambda r: r.code)
def test_every_rule_explains_itself(which) -> None:  # type: ignore[no-untyped-def]
    lines = describe(which, 80).splitlines()
    assert all(len(line) <= 80 for line in lines if "http" not in line)
    assert any(line.startswith("When it is harmless") for line in lines)
