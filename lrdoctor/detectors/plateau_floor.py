"""ReduceLROnPlateau that cannot cut any further: at min_lr, or below what eps lets through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import length_text, real, x_units
from lrdoctor.detectors._plateau_cuts import (
    Cuts,
    follows_plateaus,
    new_bests,
    patience_of,
    plateau_cuts,
    watched_loss,
)
from lrdoctor.messages import number_text
from lrdoctor.types import Case, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# torch's default.
_PATIENCE = 10
# LRs that agree to this share are one.
_SAME = 0.01


@dataclass(frozen=True, slots=True)
class PlateauFloor:
    """An explanation, not a fault: why the LR stands still on a loss that does too."""

    name: ClassVar[str] = "plateau_floor"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"lr", "next_cut", "eps", "factor", "waited", "due_after", "run_left"}
    )

    eps: float
    overdue: float
    tail_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one note: the stretch after the last cut that could be made."""
        if not follows_plateaus(case):
            return
        cuts, loss = plateau_cuts(case), watched_loss(case)
        if cuts is None or loss is None or not len(cuts):
            return
        first, last = float(cuts.lr.step[0]), float(cuts.lr.step[-1])
        at = int(cuts.step[-1])
        if last - at < self.tail_share * (last - first):
            return
        reason = self._stopped(case, cuts)
        if reason is None:
            return
        tail = loss.between(at, np.inf)
        patience = patience_of(case)
        due = (_PATIENCE if patience is None else patience) + 1
        fresh = np.flatnonzero(new_bests(loss.value)[len(loss) - len(tail) :])
        waited = int(np.max(np.diff(np.concatenate([[-1], fresh, [len(tail)]]))) - 1)
        if waited < self.overdue * due:
            return
        text, more = reason
        yield Evidence(
            start=at,
            stop=int(last) + 1,
            tags=(cuts.lr.tag, loss.tag),
            measured={
                "lr": Quantity(float(cuts.lr.value[-1]), ""),
                "waited": Quantity(float(waited), ""),
                "due_after": Quantity(float(due), ""),
                "run_left": Quantity(last - at, x_units(case)),
                **more,
            },
            param_group=cuts.group.name,
            detail=(
                f"no further cut came in {length_text(case, last - at)}, though "
                f"{number_text(waited)} evaluations in a row brought no new best and one is due "
                f"after {number_text(due)}: {text}"
            ),
            revision="a scheduler built with eps=0 or a lower min_lr",
        )

    def _stopped(self, case: Case, cuts: Cuts) -> tuple[str, dict[str, Quantity]] | None:
        """Why the next cut is not made; None where it could be."""
        lr, factor = float(cuts.lr.value[-1]), real(case.intent.arguments.get("factor"))
        if factor is None or not 0 < factor < 1:
            # min_lr shortens the last cut, so the deepest one is a whole one.
            factor = float(cuts.ratio.min())
        facts = {"factor": Quantity(factor, "")}
        least = real(case.intent.arguments.get("min_lr"))
        short = len(cuts) > 1 and cuts.ratio[-1] > factor * (1 + 2 * _SAME)
        if (least is not None and abs(lr - least) <= _SAME * lr) or short:
            return f"the LR of {number_text(lr)} is the scheduler's min_lr", facts
        fall = lr * (1 - factor)
        if fall <= self.eps * (1 + _SAME):
            return (
                f"a cut by {number_text(factor)} would change the LR by {number_text(fall)}, "
                f"and torch ignores changes up to eps = {number_text(self.eps)}",
                facts | {"next_cut": Quantity(fall, ""), "eps": Quantity(self.eps, "")},
            )
        return None
