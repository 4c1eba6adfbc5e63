"""An LR logged too rarely, or with too few digits, to show what its schedule did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import (
    epochs_run,
    governing_groups,
    length_text,
    loss_of,
    planned_length,
    real,
    steps_per_epoch,
    typical_gap,
    x_units,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Case, ParamGroup, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

_Reason = tuple[str, Mapping[str, Quantity]]


@dataclass(frozen=True, slots=True)
class LrCoarse:
    """Four ways to log too little: all zeros, a handful of values, a warm-up between two points,
    and once an epoch where a schedule advanced with each batch would look the same."""

    name: ClassVar[str] = "lr_coarse"
    requires: ClassVar[frozenset[Role]] = frozenset()
    measures: ClassVar[frozenset[str]] = frozenset(
        {"values", "losses", "interval", "warmup", "t_max", "epochs"}
    )

    few_values: float
    many_losses: float
    same_length: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the first of the four that holds."""
        groups = tuple(g for g in case.param_groups if len(g.lr.finite()))
        if not groups:
            return
        found = self._zeros(case, groups) or self._few(case, groups) or self._hidden(case)
        if found is None:
            return
        detail, measured = found
        yield Evidence(
            start=case.first,
            stop=case.last + 1,
            tags=tuple(dict.fromkeys(g.lr.tag for g in groups)),
            measured=measured,
            detail=detail,
            revision="a log with the LR of every optimizer step, in full digits",
        )

    def _zeros(self, case: Case, groups: tuple[ParamGroup, ...]) -> _Reason | None:
        """Every value printed as 0 in a run whose loss was trained."""
        values = max(len(g.lr) for g in groups)
        if any(g.lr.finite().value.any() for g in groups) or values < self.few_values:
            return None
        if not _trains(case, self.many_losses):
            return None
        detail = (
            f"all {number_text(values)} values read 0, so they were printed with too few digits "
            "or the LR was never set; print it as `1.2e-05`"
        )
        return detail, {"values": Quantity(float(values), "values")}

    def _few(self, case: Case, groups: tuple[ParamGroup, ...]) -> _Reason | None:
        values, loss = max(len(g.lr.finite()) for g in groups), loss_of(case)
        if values >= self.few_values or loss is None or len(loss) < self.many_losses:
            return None
        detail = (
            f"{number_text(values)} LR value{'s' * (values != 1)} beside {number_text(len(loss))} "
            "losses; log it in the same row as the loss"
        )
        counts = {"values": float(values), "losses": float(len(loss))}
        return detail, {k: Quantity(v, k) for k, v in counts.items()}

    def _hidden(self, case: Case) -> _Reason | None:
        """A feature of the schedule that lies between two logged points."""
        groups = governing_groups(case)
        if not groups:
            return None
        group = min(groups, key=lambda g: typical_gap(g.lr))
        gap = typical_gap(group.lr)
        warmup = _warmup(case)
        if warmup is not None and 0 < warmup < gap:
            detail = (
                f"the warm-up of {length_text(case, warmup)} lies between two points, which are "
                f"{length_text(case, gap)} apart; log the LR at every step of the first epoch"
            )
            lengths = {"warmup": warmup, "interval": gap}
            return detail, {k: Quantity(v, x_units(case)) for k, v in lengths.items()}
        return self._alias(case, group)

    def _alias(self, case: Case, group: ParamGroup) -> _Reason | None:
        """A cosine seen once an epoch, whose length is not that of the run or the configuration.

        Advanced with each batch it would show any length; that of the run only by chance.
        """
        named = group.schedules[0].named if len(group.schedules) == 1 else None
        per_epoch = steps_per_epoch(case)
        if named is None or named.name != "cosine" or not per_epoch:
            return None
        if "cosine" not in {a.name for a in group.schedules[0].alternatives}:
            return None
        t_max = (real(named.parameters().get("T_max")) or 0.0) / per_epoch
        meant = [planned_length(case), float(case.last - case.first)]
        epochs = [m / per_epoch for m in meant if m is not None]
        epochs += [m for m in (case.intent.epochs, _configured_t_max(case)) if m is not None]
        if any(abs(t_max - e) <= max(1.0, self.same_length * e) for e in epochs):
            return None
        covered = epochs_run(case) or 0.0
        detail = (
            f"seen once an epoch it looks like a cosine of {number_text(t_max, 3)} epochs in a run "
            f"of {number_text(covered, 3)}, but one that is advanced with each batch can look the "
            "same; the LR of every step within one epoch would decide"
        )
        return detail, {
            "t_max": Quantity(t_max, "epochs"),
            "epochs": Quantity(covered, "epochs"),
        }


def _trains(case: Case, points: float) -> bool:
    loss = loss_of(case)
    return loss is not None and len(loss) >= points and bool(loss.value[0] != loss.value[-1])


def _configured_t_max(case: Case) -> float | None:
    return real(case.intent.arguments.get("T_max"))


def _warmup(case: Case) -> float | None:
    """The configured warm-up in x units, where it is certain what it counts."""
    per_epoch = steps_per_epoch(case)
    epochs = real(case.intent.arguments.get("warmup_epochs"))
    if epochs is not None and per_epoch:
        return epochs * per_epoch
    steps = real(case.intent.arguments.get("warmup_steps"))
    if steps is None or steps < 1:
        return None  # a share under the name of steps
    if case.clock.unit.value != "epoch":
        return steps
    batches = case.intent.batches_per_epoch
    return steps / batches if batches else None
