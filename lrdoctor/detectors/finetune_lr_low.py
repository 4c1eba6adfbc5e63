"""A fine-tuning that changes next to nothing, at a steady pace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.curves.noise import point_sigma
from lrdoctor.curves.plateau import student_95
from lrdoctor.curves.smooth import bin_means
from lrdoctor.detectors._context import epochs_run, is_reinforcement_learning, main_group, percent
from lrdoctor.detectors._finetuning import is_fine_tuning
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, ParamGroup, Quantity, Role, Series
from lrdoctor.verdict import Evidence, Judgement, Unjudged

_BLOCKS = 24
# Times the largest fall that counts as hardly moving.
_PLAINLY = 5.0


@dataclass(frozen=True, slots=True)
class _Line:
    """A loss over the LR spent so far: how much it falls, in all and in each half of the LR."""

    fall: float
    error: float
    level: float
    early: float
    late: float

    @property
    def least(self) -> float:
        """The fall less twice its error."""
        return self.fall - 2 * self.error


@dataclass(frozen=True, slots=True)
class FinetuneLrLow:
    """The loss falls significantly, hardly at all, and in proportion to the LR spent.

    A model that is as good as it gets falls less and less per LR, or not measurably: it passes, or
    cannot be judged. One that moves in a straight line still has the way before it.
    """

    name: ClassVar[str] = "finetune_lr_low"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"fall", "fall_share", "fall_error", "late_share", "lr", "epochs"}
    )

    most_fall: float
    min_points: float
    min_epochs: float
    straight_share: float
    sigmas: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one note per run."""
        if not is_fine_tuning(case) or is_reinforcement_learning(case):
            return
        group, epochs = main_group(case), epochs_run(case)
        if group is None or (epochs is not None and epochs < self.min_epochs):
            return
        if any(self._plainly_moves(s) for s in _losses(case)):
            return
        lines = [(s, line) for s in _losses(case) if (line := self._line(group, s)) is not None]
        if not lines or any(line.least > self.most_fall * line.level for _, line in lines):
            return
        moving = [(s, line) for s, line in lines if line.fall > self.sigmas * line.error]
        if not moving:
            yield Unjudged(_FLAT)
            return
        loss, line = moving[-1]
        if line.late >= self.straight_share * line.early > 0:
            yield _evidence(case, group, loss, line, epochs)

    def _plainly_moves(self, loss: Series) -> bool:
        """Whether the median of the first tenth is far above that of the last: most runs."""
        tenth = max(1, len(loss) // 10)
        first, last = np.median(loss.value[:tenth]), np.median(loss.value[-tenth:])
        return bool(first - last > _PLAINLY * self.most_fall * abs(first))

    def _line(self, group: ParamGroup, loss: Series) -> _Line | None:
        """The loss as a line over the LR spent; None with too few points or a loss not above 0."""
        points = loss.finite()
        if len(points) < self.min_points or not np.all(points.value > 0):
            return None
        step, value = bin_means(points.step, points.value, _BLOCKS)
        spent = _spent(group, step)
        if not spent[-1] > spent[0]:
            return None
        x = (spent - spent[0]) / (spent[-1] - spent[0])
        slope = float(np.dot(x - x.mean(), value) / np.dot(x - x.mean(), x - x.mean()))
        sigma = point_sigma(value)
        error = sigma / float(np.linalg.norm(x - x.mean())) * student_95(len(x) - 2) / 2
        early, late = float(np.interp(0.5, x, value)), float(value[-1])
        return _Line(-slope, error, float(value[0]), float(value[0]) - early, early - late)


def _losses(case: Case) -> list[Series]:
    """Training loss, then validation loss: evaluations of one set scatter least."""
    roles = (Role.TRAIN_LOSS, Role.VAL_LOSS)
    return [case.signals[role] for role in roles if case.has(role)]


def _spent(group: ParamGroup, step: Array) -> Array:
    """The sum of the LR up to each step."""
    lr = group.lr.finite()
    gaps = np.diff(lr.step, prepend=lr.step[0])
    total = np.cumsum(gaps * lr.value)
    # After the last logged LR it goes on.
    after = np.maximum(step - lr.step[-1], 0.0) * lr.value[-1]
    return np.asarray(np.interp(step, lr.step, total) + after)


_FLAT = (
    "the loss of this fine-tuning does not move measurably: an LR that is too low and a model with "
    "nothing left to learn look the same; a short run at three to ten times the LR would decide"
)


def _evidence(
    case: Case, group: ParamGroup, loss: Series, line: _Line, epochs: float | None
) -> Evidence:
    share = 100 * line.fall / line.level
    measured = {
        "fall": Quantity(line.fall, ""),
        "fall_share": Quantity(share, "%"),
        "fall_error": Quantity(line.error, ""),
        "late_share": Quantity(100 * line.late / (line.early + line.late), "%"),
        "lr": Quantity(float(group.lr.finite().value.max()), ""),
    }
    if epochs is not None:
        measured["epochs"] = Quantity(epochs, "epochs")
    return Evidence(
        start=int(loss.step[0]),
        stop=case.last + 1,
        tags=(loss.tag, group.lr.tag),
        measured=measured,
        param_group=group.name,
        detail=(
            f"{loss.tag} falls by {number_text(line.fall)}, in proportion to the LR spent: the "
            f"second half still brought {percent(measured['late_share'].value)} of that"
        ),
        revision="a run at three times the LR that gains no more in as many steps",
    )
