"""A loss that rises on the first steps after a resume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from lrdoctor.curves.changepoint import Shift
from lrdoctor.detectors._context import (
    is_reinforcement_learning,
    length_text,
    loss_of,
    typical_gap,
)
from lrdoctor.detectors._loss_shift import (
    course_of,
    longest_rise,
    significant,
    validation_shift,
)
from lrdoctor.detectors._resume import borders
from lrdoctor.types import Case, Quantity, Restart, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

# An LR that changes by this factor at the resume explains a reaction of the loss.
_OTHER_LR = 1.5


@dataclass(frozen=True, slots=True)
class ResumeSpike:
    """Compares the loss on either side of each resume with its unrest before it.

    The checkpoint holds the weights, so the loss goes on where it was; a significant rise says that
    something else was not restored. Where the LR changes as well, that is the cause, and another
    rule's. A rise that is soon over is a note.
    """

    name: ClassVar[str] = "resume_spike"
    requires: ClassVar[frozenset[Role]] = frozenset()
    measures: ClassVar[frozenset[str]] = frozenset(
        {"loss_before", "loss_after", "loss_ratio", "rise_sigma", "recovered_after", "val_sigma"}
    )

    rise_sigma: float
    rise_ratio: float
    rank: float
    recovery_share: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """One finding per resume after which the loss rises."""
        resumes = [r for r in case.run.restarts if case.first < r.step < case.last]
        if not resumes or is_reinforcement_learning(case):
            return
        loss = loss_of(case)
        if loss is None:
            yield Unjudged("the log has no loss")
            return
        moved = [b.step for b in borders(case) if b.strays >= _OTHER_LR]
        reach = 2 * typical_gap(loss)
        for index, resume in enumerate(resumes):
            if any(abs(step - resume.step) <= reach for step in moved):
                continue
            start = resumes[index - 1].step if index else -np.inf
            shift = self._shift(loss, resume.step, float(start), len(resumes))
            if shift is not None:
                yield self._evidence(case, loss, resume, shift, len(resumes))

    def _shift(self, loss: Series, step: int, start: float, tries: int) -> Shift | None:
        at = int(np.searchsorted(loss.step, step))
        first = min(int(np.searchsorted(loss.step, start)) + 1, at)
        return longest_rise(loss, at, 1, lambda s: self._significant(s, tries), first)

    def _significant(self, shift: Shift, tries: int) -> bool:
        return significant(shift, self.rise_sigma, self.rise_ratio, self.rank, tries)

    def _evidence(
        self, case: Case, loss: Series, resume: Restart, shift: Shift, tries: int
    ) -> Evidence:
        course = course_of(case, loss, shift)
        start, stop, back, measured = course.start, course.stop, course.back, course.measured
        also = validation_shift(case, loss, resume.step)
        if also is not None and not self._significant(replace(also, rank=1.0), tries):
            also = None
        if also is not None:
            measured["val_sigma"] = Quantity(also.sigmas, "sigma")
        long = stop - start > self.recovery_share * (case.last - case.first)
        return Evidence(
            start=start,
            stop=stop,
            tags=(loss.tag,),
            measured=measured,
            detail=_detail(case, back is None, stop - start, also is not None),
            revision="a checkpoint that is known to hold the optimizer's full state",
            severity=None if long and (back is None or back > 1) else Severity.INFO,
        )


def _detail(case: Case, stays: bool, length: int, in_validation: bool) -> str:
    also = "the validation loss rises as well; " if in_validation else ""
    if stays:
        return (
            f"{also}it does not come back to its old level: the optimizer's moments, the running "
            "statistics of normalisation layers or the newest weights were not restored"
        )
    return (
        f"{also}it is back at its old level after {length_text(case, length)}: the optimizer's "
        "moments, or a part of them, were not restored and had to be gathered anew"
    )
