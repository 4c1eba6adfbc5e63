"""ReduceLROnPlateau that fires where the loss stands still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import governing_groups, real, steps_per_epoch
from lrdoctor.fixes._plan import (
    candidate,
    origin,
    over,
    planned,
    rebuilt,
    top_lr,
    unit,
    warmup_of,
)
from lrdoctor.fixes._torch import call
from lrdoctor.types import Case, Schedule
from lrdoctor.verdict import Candidate, Finding


@dataclass(frozen=True, slots=True)
class ReduceOnPlateau:
    """One candidate with two cuts: ``patience`` after the plateau began, and half-way from there.

    The cuts after the first depend on a loss that nobody has seen; two are drawn as an example.
    ``factor`` and ``patience`` (epochs) are used where nothing is configured. ``least_gain`` is the
    improvement that counts as one, over the loss on the plateau.
    """

    name: ClassVar[str] = "reduce_on_plateau"
    factor: float = 0.1
    patience: float = 10.0
    least_gain: float = 1e-3

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """To review: when the cuts come depends on the loss."""
        length, meant = planned(case, finding), case.intent.scheduler == "reduce_on_plateau"
        factor = _number(case, "factor", self.factor) if meant else self.factor
        patience = _number(case, "patience", self.patience) if meant else self.patience
        first = self._first_cut(case, finding, patience)
        end = max(length, float(case.last + 1))
        if not 0 < factor < 1 or not first < end:
            return
        schedules: dict[str, Schedule] = {}
        for group in governing_groups(case):
            zero = origin(group)
            cuts = (first - zero, (first + end) / 2 - zero)
            named = rebuilt(
                "reduce_on_plateau",
                {
                    "lr": top_lr(case, group),
                    "factor": factor,
                    "reductions": cuts,
                    "min_lr": 0.0,
                    **warmup_of(group, length),
                },
            )
            if named is not None:
                schedules[group.name] = over(named, zero, length)
        if not schedules:
            return
        level = finding.evidence.measured.get("loss_level")
        threshold = self.least_gain * abs(level.value) if level is not None else 1e-4
        plain = call("ReduceLROnPlateau", factor=factor, patience=int(patience))
        strict = call(
            "ReduceLROnPlateau",
            mode="min",
            factor=factor,
            patience=int(patience),
            threshold=float(f"{threshold:.2g}"),
            threshold_mode="abs",
        )
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=(
                f"cut the LR by {factor:g} once the loss has stood still for {patience:g} "
                f"evaluations, here from {unit(case)} {first:.0f} on"
            ),
            safe=False,
            schedules=schedules,
            before=_script(f"scheduler = {plain}", "metric") if meant else _constant(),
            after=_script(f"scheduler = {strict}", "val_loss"),
        )

    def _first_cut(self, case: Case, finding: Finding, patience: float) -> float:
        """``patience`` evaluations after the plateau began; an epoch holds one of them."""
        begin = float(finding.evidence.start)
        per_epoch = steps_per_epoch(case)
        if per_epoch is None:
            return begin + 0.1 * (case.last - begin)
        return begin + (patience + 1) * per_epoch


def _number(case: Case, name: str, default: float) -> float:
    value = real(case.intent.arguments.get(name))
    return default if value is None else value


def _script(constructor: str, metric: str) -> list[str]:
    return [
        constructor,
        "for epoch in range(epochs):",
        "    train_one_epoch()",
        f"    scheduler.step({metric})",
    ]


def _constant() -> list[str]:
    return ["for epoch in range(epochs):", "    train_one_epoch()"]
