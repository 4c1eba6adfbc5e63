"""A new head and a pretrained backbone at one LR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._finetuning import is_fine_tuning
from lrdoctor.detectors._groups import SAME, members, pretrained_and_new, ratios
from lrdoctor.types import Case, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement


@dataclass(frozen=True, slots=True)
class EqualGroupLr:
    """Groups that names tell apart as pretrained and new, at the same LR at most steps.

    Always a note: such a training shows a better training loss, and only the validation loss of a
    second one says what it cost.
    """

    name: ClassVar[str] = "equal_group_lr"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset({"lr", "equal_share"})

    equal_share: float
    min_points: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One note per run."""
        if not is_fine_tuning(case):
            return
        pair = pretrained_and_new(members(case))
        if pair is None:
            return
        old, new = pair
        step, ratio = ratios(old.lr, new.lr)
        if len(ratio) < self.min_points:
            return
        share = float(np.mean(np.abs(ratio - 1) <= SAME))
        if share < self.equal_share:
            return
        yield Evidence(
            start=int(step[0]),
            stop=case.last + 1,
            tags=(old.tag, new.tag),
            measured={
                "lr": Quantity(float(old.lr.value.max()), ""),
                "equal_share": Quantity(100 * share, "%"),
            },
            param_group=old.group.name,
            detail=(
                f"{new.tag} starts from nothing and {old.tag} from what it has learned; the "
                "training loss likes that, the validation loss often does not"
            ),
            revision="a training with the backbone at a tenth that validates no better",
        )
