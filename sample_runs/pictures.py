"""The pictures that ``lrdoctor explain`` shows, from the sample runs that each rule points at.

``python -m sample_runs.pictures`` from the repository's root rewrites ``rules/pictures.json``.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from lrdoctor.api import analyze
from lrdoctor.curves.thin import thumbnail
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Role, Series
from lrdoctor.verdict import Curve, Diagnosis, Rule

ROOT = Path(__file__).parent.parent
FILE = ROOT / "rules" / "pictures.json"
_POINTS = 64
_DIGITS = 4
_NAMES = {
    Role.LR: "LR",
    Role.TRAIN_LOSS: "training loss",
    Role.VAL_LOSS: "validation loss",
    Role.METRIC: "metric",
    Role.GRAD_NORM: "gradient norm",
}
# Of the signals a finding names, those that a picture shows, most telling first.
_MOST = 2


def make() -> dict[str, list[dict[str, Any]]]:
    """All pictures, by code."""
    return {rule.code: _pictures(rule) for rule in load_rulebook().rules}


def text(pictures: dict[str, list[dict[str, Any]]]) -> str:
    """The file: a line per picture, so that changes can be read."""
    rows = [
        f"{json.dumps(code)}: [\n" + ",\n".join(map(json.dumps, shown)) + "\n]"
        for code, shown in pictures.items()
    ]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _pictures(rule: Rule) -> list[dict[str, Any]]:
    sick, healthy = (_diagnosis(path) for path in (rule.fires, rule.quiet))
    evidence = next(f.evidence for f in (*sick.findings, *sick.effects) if f.rule.code == rule.code)
    shown = [c for tag in evidence.tags for c in sick.curves if c.tag == tag and len(c.series)]
    roles = list(dict.fromkeys(c.role for c in shown))[:_MOST]
    first = {role: next(c for c in shown if c.role is role) for role in roles}
    return [
        {
            "signal": _NAMES[role],
            "log": role is not Role.LR or rule.category != "peak",
            "span": [evidence.start, evidence.stop],
            "sick": _points(curve.series),
            "healthy": _other(healthy, curve),
        }
        for role, curve in first.items()
    ]


def _diagnosis(path: str) -> Diagnosis:
    return analyze(ROOT / path).diagnoses[0]


def _other(diagnosis: Diagnosis, like: Curve) -> dict[str, list[Any]] | None:
    same = [c for c in diagnosis.curves if c.role is like.role and len(c.series)]
    fitting = [c for c in same if c.param_group == like.param_group] or same
    return _points(fitting[0].series) if fitting else None


def _points(series: Series) -> dict[str, list[Any]]:
    few = thumbnail(series, _POINTS)
    values = [float(f"{v:.{_DIGITS}g}") if math.isfinite(v) else None for v in few.value]
    return {"step": few.step.tolist(), "value": values}


if __name__ == "__main__":
    FILE.write_text(text(make()), encoding="utf-8")
