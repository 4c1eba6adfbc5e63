"""Thresholds of the shipped rules, curves and shortcuts shared by the detectors' tests."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lrdoctor.plugins import discover
from lrdoctor.types import Case, Severity
from lrdoctor.verdict import Evidence, Unjudged

RULES = Path(__file__).parents[2] / "rules"
Curve = np.ndarray


def detector(name: str, **changes: float) -> Any:
    """The detector with the thresholds of its rule file, some of them changed."""
    tables = [tomllib.loads(p.read_text()) for p in RULES.glob("*/*.toml")]
    table = next(t for t in tables if t["detector"] == name)
    values = {key: float(entry["value"]) for key, entry in table["thresholds"].items()}
    return discover("detectors")[name](**{**values, **changes})


def judge(name: str, case: Case, **changes: float) -> list[Evidence | Unjudged]:
    """Everything the detector says about the case; what it measures is what it may measure."""
    made = detector(name, **changes)
    judgements = list(made.detect(case))
    for judgement in judgements:
        if isinstance(judgement, Evidence):
            assert judgement.start < judgement.stop
            assert set(judgement.measured) <= made.measures
            assert judgement.detail and judgement.revision
    return judgements


def evidence(name: str, case: Case, **changes: float) -> Evidence:
    """The only evidence of the detector."""
    (found,) = judge(name, case, **changes)
    assert isinstance(found, Evidence), found
    return found


def silent(name: str, case: Case, **changes: float) -> bool:
    """Whether the detector has nothing to say."""
    return not judge(name, case, **changes)


def mild(found: Evidence) -> bool:
    """Whether the evidence is a note only."""
    return found.severity is Severity.INFO


def cosine(t: Curve, t_max: float, lr: float = 0.1, floor: float = 0.0) -> Curve:
    """torch's CosineAnnealingLR in closed form; it rises again after ``t_max``."""
    return floor + (lr - floor) / 2 * (1 + np.cos(np.pi * t / t_max))


def one_cycle(t: Curve, total: float, pct: float, lr: float = 0.1) -> Curve:
    """torch's OneCycleLR with its defaults, held at the end."""
    top, end = pct * total - 1, total - 1
    t = np.minimum(t, end)
    up = lr / 25 + (lr - lr / 25) / 2 * (1 - np.cos(np.pi * t / top))
    low = lr / 25 / 1e4
    down = low + (lr - low) / 2 * (1 + np.cos(np.pi * (t - top) / (end - top)))
    return np.where(t <= top, up, down)


def multistep(t: Curve, *milestones: float, lr: float = 0.1, gamma: float = 0.1) -> Curve:
    """MultiStepLR."""
    return lr * gamma ** np.sum([t >= m for m in milestones], axis=0)


def falling(t: Curve, scale: float = 200.0) -> Curve:
    """A loss that falls from 2 and never quite stops."""
    return 0.3 + 1.7 / (1 + t / scale)


# Anything a log could hold: gaps, infinities, zeros, wild scales, empty and tiny series.
VALUES = arrays(
    float,
    st.integers(0, 60),
    elements=st.one_of(
        st.floats(0, 1),
        st.sampled_from([0.0, np.nan, np.inf, -np.inf, 1e-300, 1e300, -1.0, 0.1, 0.01]),
    ),
)
