"""A starved param group gets a usual share of the LR of the group above it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import largest_lr
from lrdoctor.fixes._plan import candidate, over, scaled
from lrdoctor.fixes._torch import plain, shown
from lrdoctor.types import Case, ParamGroup, Schedule
from lrdoctor.verdict import Candidate, Finding


@dataclass(frozen=True, slots=True)
class RaiseGroupLr:
    """One candidate: the schedule of the next larger group, times ``share``.

    A tenth under the head is the usual LR of a pretrained backbone; layer-wise decay uses 1/2.6
    per layer (arXiv 1801.06146).
    """

    name: ClassVar[str] = "raise_group_lr"
    share: float = 0.1

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """Only where another group trains at the reference LR; to review."""
        place = float(finding.evidence.start)
        low = next((g for g in case.param_groups if g.name == finding.evidence.param_group), None)
        top = finding.evidence.measured.get("lr_reference")
        if low is None or top is None or not top.value > 0:
            return
        above = _group_at(case, low, place, top.value)
        model = None if above is None else _schedule_at(above, place)
        if above is None or model is None or model.named is None:
            return
        named = scaled(model.named, self.share)
        if named is None:
            return
        begin = max(place, float(low.lr.step[0]))
        schedule = over(named, model.origin, model.stop - model.origin, begin=begin)
        level = top.value * self.share
        group = '{"params": backbone.parameters(), "lr": %s}'
        yield candidate(
            case,
            finding,
            fix=self.name,
            title=(
                f"give {plain(low.name)} {shown(self.share)} of the LR of {plain(above.name)}: "
                f"{shown(float(f'{level:.4g}'))} at most"
            ),
            safe=False,
            schedules={low.name: schedule},
            before=[
                "backbone.requires_grad_(True)",
                "optimizer.add_param_group(" + group % shown(largest_lr(low, place)) + ")",
            ],
            after=[
                "backbone.requires_grad_(True)",
                "optimizer.add_param_group(" + group % f"{shown(self.share)} * head_lr" + ")",
            ],
        )


def _group_at(case: Case, low: ParamGroup, place: float, level: float) -> ParamGroup | None:
    """The other group whose largest LR after ``place`` is nearest to ``level``."""
    others = [g for g in case.param_groups if g is not low and largest_lr(g, place) > 0]
    if not others:
        return None
    nearest = min(others, key=lambda g: abs(np.log(largest_lr(g, place) / level)))
    return nearest if largest_lr(nearest, place) >= 0.5 * level else None


def _schedule_at(group: ParamGroup, place: float) -> Schedule | None:
    """The schedule in force right after ``place``."""
    return next((s for s in group.schedules if s.stop > place + 1), None)
