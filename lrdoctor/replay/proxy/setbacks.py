"""What else happened to a training beside its LR, as far as a proxy can repeat it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrdoctor.detectors._context import loss_of
from lrdoctor.replay.proxy.train import Setback
from lrdoctor.types import Array, Case, Severity
from lrdoctor.verdict import Candidate, Finding

# Rules whose fault is a rise of the loss that lasts: replayed as weights that go back in time.
_WEIGHTS_BACK = frozenset({"LRD401", "LRD407"})
# Rules whose fault is that the optimizer's state is lost.
_STATE_LOST = frozenset({"LRD517"})
# Losses in the median that says where the logged loss stood.
_WIDTH = 9


def setbacks_of(
    case: Case, findings: Sequence[Finding], candidates: Sequence[Candidate], at: Array
) -> tuple[tuple[tuple[Setback, ...], ...], tuple[str, ...]]:
    """The setbacks of the run and of each candidate on steps ``at``, and what they assume.

    A candidate that answers a finding is free of its setback.
    """
    found = [(f.rule.code, back) for f in findings if (back := _setback(case, f, at)) is not None]
    answered = [frozenset[str](), *(frozenset(c.answers) for c in candidates)]
    kept = tuple(tuple(b for code, (b, _) in found if code not in a) for a in answered)
    return kept, tuple(told for _, (_, told) in found)


def unrepeated(findings: Sequence[Finding]) -> tuple[str, ...]:
    """What a training that is given the LR alone leaves out."""
    known = _WEIGHTS_BACK | _STATE_LOST
    return tuple(
        f"the LR alone is replayed: what else happened at step {f.evidence.start} "
        f"({f.rule.code}) is not repeated"
        for f in findings
        if f.rule.code in known and f.severity is not Severity.INFO
    )


def _setback(case: Case, finding: Finding, at: Array) -> tuple[Setback, str] | None:
    code, start = finding.rule.code, finding.evidence.start
    step = int(np.searchsorted(at, start))
    if step >= len(at) or finding.severity is Severity.INFO:
        return None
    if code in _STATE_LOST:
        return Setback(step), f"the optimizer's state is lost at step {start}, as {code} found it"
    if code not in _WEIGHTS_BACK:
        return None
    origin = _last_as_high(case, start, finding.evidence.measured["loss_after"].value)
    if origin is None:
        return None
    told = (
        f"the rise of the loss at step {start} ({code}) is replayed as weights that go back to "
        f"those of step {origin}, where the logged loss was last as high; a candidate made for "
        f"{code} is spared it"
    )
    return Setback(step, int(np.searchsorted(at, origin))), told


def _last_as_high(case: Case, before: int, level: float) -> int | None:
    """The last step before ``before`` at which the loss had not fallen below ``level`` yet."""
    loss = loss_of(case)
    if loss is None:
        return None
    earlier = loss.finite().between(-np.inf, before)
    if not len(earlier):
        return None
    width = min(_WIDTH, len(earlier))
    middle = np.median(np.lib.stride_tricks.sliding_window_view(earlier.value, width), axis=1)
    high = np.flatnonzero(middle >= level)
    return int(earlier.step[high[-1] + width // 2]) if len(high) else int(earlier.step[0])
