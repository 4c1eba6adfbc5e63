"""What is known about a rule beside its file: its picture and how it did on fresh trainings.

Both lie in the folder of rules, made by scripts: ``pictures.json`` from the sample runs that a rule
points at, ``measured.json`` by the accuracy benchmark.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from lrdoctor.resources import data_dir
from lrdoctor.types import Series, _Value


@dataclass(frozen=True, slots=True, eq=False)
class Picture(_Value):
    """A curve of a run with the fault and of one without it, few points each.

    ``signal`` is what is drawn ("LR", "training loss" …), ``span`` where the fault shows.
    """

    signal: str
    log: bool
    sick: Series
    span: tuple[float, float]
    healthy: Series | None


@dataclass(frozen=True, slots=True)
class Figures(_Value):
    """A rule on trainings that no threshold was made on: ``found`` of ``runs`` faulty ones, and
    ``true`` of the ``alarms`` it raised on faulty and healthy ones together."""

    runs: int
    found: int
    alarms: int
    true: int


@dataclass(frozen=True, slots=True)
class Measured(_Value):
    """The last accuracy benchmark: ISO date, seeds, healthy runs and how many were flagged."""

    date: str
    seeds: str
    healthy: int
    flagged: int
    rules: Mapping[str, Figures]


@cache
def measured() -> Measured | None:
    """The figures of the last benchmark; None where there are none."""
    table = _load("measured.json")
    if not table:
        return None
    return Measured(
        date=table["date"],
        seeds=table["seeds"],
        healthy=table["healthy"]["runs"],
        flagged=table["healthy"]["flagged"],
        rules={code: Figures(**row) for code, row in table["rules"].items()},
    )


def pictures_of(code: str) -> tuple[Picture, ...]:
    """The pictures of a rule; none for rules of other folders and those without a curve."""
    return tuple(map(_picture, _load("pictures.json").get(code, ())))


def _picture(row: Mapping[str, Any]) -> Picture:
    start, stop = row["span"]
    healthy = None if row["healthy"] is None else _series(row["signal"], row["healthy"])
    sick = _series(row["signal"], row["sick"])
    return Picture(row["signal"], row["log"], sick, (float(start), float(stop)), healthy)


def _series(name: str, points: Mapping[str, Any]) -> Series:
    # JSON has no NaN of its own; they are kept as null.
    values = [np.nan if value is None else value for value in points["value"]]
    return Series(name, np.asarray(points["step"], np.int64), np.asarray(values, np.float64))


@cache
def _load(name: str) -> dict[str, Any]:
    path = data_dir("rules") / name
    if not path.is_file():
        return {}
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table
