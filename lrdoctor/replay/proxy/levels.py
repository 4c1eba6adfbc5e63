"""Where on a proxy's LR axis a run is put: its peak at the best peak of a cosine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lrdoctor.types import Run

# Steps of a replayed training; the levels below hold for about this many.
STEPS = 600
# Peak LR with about the least final loss of a cosine on a grid of four per decade, over 500 steps
# (teacher: 800), SGD with momentum 0.9; for letters with SGD the end of the grid.
# ``python -m benchmarks.replay.proxy --levels`` measures them again over 600.
LEVELS: Mapping[str, Mapping[str, float]] = {
    "teacher": {"sgd": 0.1, "adam": 0.018, "adamw": 0.018},
    "digits": {"sgd": 0.056, "adam": 0.01, "adamw": 0.01},
    "letters": {"sgd": 1.0, "adam": 0.018, "adamw": 0.018},
}
WEIGHT_DECAY: Mapping[str, float] = {"sgd": 5e-4, "adam": 0.0, "adamw": 0.01}
DEFAULT = "adamw"
_NAMED = re.compile(r"(^|[./_-])optim(izer)?([._-]?(name|type|class|kind))?$", re.IGNORECASE)
# In the order asked: "adamw" is no "adam".
_WORDS = (("adamw", "adamw"), ("adam", "adam"), ("sgd", "sgd"), ("momentum", "sgd"))


@dataclass(frozen=True, slots=True)
class Optimizer:
    """The optimizer to replay with, and where the log names it ("" where it does not)."""

    name: str
    source: str


def optimizer_of(run: Run) -> Optimizer:
    """The optimizer that the configuration names, or else the tag of an LR ("lr-SGD")."""
    for key, value in run.hparams.items():
        if _NAMED.search(key) and isinstance(value, str) and (found := _word(value)):
            return Optimizer(found, f"{key}: {value}")
    for tag in run.series:
        if tag.lower().startswith("lr-") and (found := _word(tag)):
            return Optimizer(found, tag)
    return Optimizer(DEFAULT, "")


def _word(text: str) -> str | None:
    lowered = text.lower()
    return next((name for word, name in _WORDS if word in lowered), None)
