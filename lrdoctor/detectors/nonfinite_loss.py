"""NaN or infinity in the loss, and the zeros that stand for it in Hugging Face logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from lrdoctor.detectors._context import main_group
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, Confidence, Quantity, Role, Series, Severity
from lrdoctor.verdict import Evidence, Judgement, Unjudged

Mask: TypeAlias = npt.NDArray[np.bool_]
# Values before the first NaN that tell whether the loss was rising already.
_BEFORE = 5
_SOUND = (
    "the validation loss stays finite, so the weights are sound: look at how the training loss is "
    "computed and averaged, for a mean that one NaN spoils or a term that divides by 0"
)
_REVISION = "the same log without the rows that hold no finite loss"


@dataclass(frozen=True, slots=True)
class NonfiniteLoss:
    """How much of the log after the first non-finite loss is not finite decides.

    Weights that have become NaN never recover, so a loss that does had one bad batch. NaN among
    finite values from the first row to the last stands for rows in which no loss was logged.
    """

    name: ClassVar[str] = "nonfinite_loss"
    requires: ClassVar[frozenset[Role]] = frozenset()
    measures: ClassVar[frozenset[str]] = frozenset({"count", "share", "last_finite", "lr", "rise"})

    lost_share: float
    repeated_share: float
    fewest: float
    placeholder_share: float
    rising_ratio: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the training loss before the validation loss."""
        if not case.has(Role.TRAIN_LOSS) and not case.has(Role.VAL_LOSS):
            yield Unjudged("the log has no loss")
            return
        for role in (Role.TRAIN_LOSS, Role.VAL_LOSS):
            if not case.has(role):
                continue
            series = case.signals[role]
            lost = ~np.isfinite(series.value)
            if not lost.any():
                lost = _filtered(case, series) if role is Role.TRAIN_LOSS else lost
            if lost.any() and not self._is_placeholder(lost):
                yield self._evidence(case, role, series, lost)
                return

    def _is_placeholder(self, lost: Mask) -> bool:
        at = np.flatnonzero(lost)
        if len(at) == len(lost):
            return len(at) < self.fewest
        edge = max(1, int(self.placeholder_share * len(lost)))
        good = np.flatnonzero(~lost)
        early = at[0] < min(edge, self.fewest) and good[0] <= at[0] + self.fewest
        return bool(early and good[-1] >= len(lost) - edge - 1 and len(at) >= self.fewest)

    def _evidence(self, case: Case, role: Role, series: Series, lost: Mask) -> Evidence:
        first = int(np.flatnonzero(lost)[0])
        count, share = int(lost.sum()), float(np.mean(lost[first:]))
        good = np.flatnonzero(~lost)
        severity = self._weight(role, lost[first:], count, share)
        sound = role is Role.TRAIN_LOSS and _validates(case, float(series.step[first]))
        if sound and severity is Severity.ERROR:
            severity = Severity.WARNING
        # What recovered is over where its last NaN is, what did not lasts to the end.
        last = int(np.flatnonzero(lost)[-1]) if severity is Severity.INFO else len(lost) - 1
        measured = {"count": Quantity(float(count), ""), "share": Quantity(100 * share, "%")}
        if len(good):
            measured["last_finite"] = Quantity(float(series.step[good[-1]]), "")
        lr = _lr_at(case, float(series.step[first]))
        if lr is not None:
            measured["lr"] = Quantity(lr, "")
        before = series.value[max(0, first - _BEFORE) : first]
        rise = self._rise(before, series.value[:first])
        if rise is not None:
            measured["rise"] = Quantity(rise, "")
        return Evidence(
            start=int(series.step[first]),
            stop=int(series.step[last]) + 1,
            tags=(series.tag,),
            measured=measured,
            detail=(
                _SOUND
                if sound and severity is Severity.WARNING
                else _detail(role, severity, bool(np.isfinite(series.value).all()), measured)
            ),
            revision=_REVISION,
            severity=severity,
            confidence=Confidence.HIGH,
        )

    def _weight(self, role: Role, after: Mask, count: int, share: float) -> Severity:
        """Gone for the rest of the run, coming back again and again, or a batch that was skipped.

        A validation that fails has done nothing to the weights.
        """
        if role is Role.VAL_LOSS or count < self.fewest:
            ends = bool(after.all()) and role is Role.TRAIN_LOSS
            return Severity.WARNING if ends and count > 1 else Severity.INFO
        if share >= self.lost_share:
            return Severity.ERROR
        return Severity.WARNING if share >= self.repeated_share else Severity.INFO

    def _rise(self, before: Array, all_before: Array) -> float | None:
        """The last values over the best level so far, where the loss was rising into the NaN."""
        if len(before) < 2 or not np.isfinite(all_before).all():
            return None
        best = float(np.min(all_before))
        if not best > 0 or float(before[-1]) < self.rising_ratio * best:
            return None
        return float(min(before[-1] / best, 1e300))


def _filtered(case: Case, loss: Series) -> Mask:
    """Losses of exactly 0 at the end whose gradient norm or validation loss is not finite."""
    nothing = np.zeros(len(loss), dtype=bool)
    tail = np.flatnonzero(loss.value != 0)
    start = int(tail[-1]) + 1 if len(tail) else 0
    if start == len(loss):
        return nothing
    since = float(loss.step[start])
    for role in (Role.GRAD_NORM, Role.VAL_LOSS):
        if case.has(role):
            beside = case.signals[role].between(since, np.inf).value
            if len(beside) and not np.isfinite(beside).any():
                nothing[start:] = True
                break
    return nothing


def _validates(case: Case, since: float) -> bool:
    """Whether the validation loss goes on being finite: NaN weights cannot."""
    if not case.has(Role.VAL_LOSS):
        return False
    after = case.signals[Role.VAL_LOSS].between(since + 1, np.inf).value
    return len(after) > 1 and bool(np.isfinite(after).all())


def _lr_at(case: Case, step: float) -> float | None:
    group = main_group(case)
    if group is None:
        return None
    lr = group.lr.finite()
    return float(lr.value[max(0, int(np.searchsorted(lr.step, step, side="right")) - 1)])


def _detail(role: Role, severity: Severity, filtered: bool, measured: dict[str, Quantity]) -> str:
    if role is Role.VAL_LOSS:
        return (
            "only the validation loss is affected: look for an empty or broken validation batch, "
            "a division by 0 in the metric, or overflow of half precision in evaluation"
        )
    if filtered:
        return (
            "the log shows losses of exactly 0 while the gradient norm or the validation loss is "
            "NaN: the Trainer's logging_nan_inf_filter writes 0 for a loss that is NaN"
        )
    if severity is Severity.INFO:
        return "it recovers at once, as after a batch that mixed precision skips"
    text = "weights that are NaN stay so, and nothing after this point was trained"
    if "rise" in measured:
        text = f"the loss had risen to {number_text(measured['rise'].value)} times its best; {text}"
    return (
        f"{text}; the LR there is {number_text(measured['lr'].value)}" if "lr" in measured else text
    )
