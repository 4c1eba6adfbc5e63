"""A log that ends while the LR still warms up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrdoctor.detectors._context import (
    is_reinforcement_learning,
    length_text,
    main_group,
    percent,
    x_units,
)
from lrdoctor.detectors._warmup import only_rises, planned_warmups
from lrdoctor.messages import number_text
from lrdoctor.types import Array, Case, Quantity, Role, Severity
from lrdoctor.verdict import Evidence, Judgement

# Schedules that rise for a good part of their length on purpose.
_OWN_RISE = frozenset({"onecycle", "cyclic"})


@dataclass(frozen=True, slots=True)
class WarmupEnd:
    """A note while the run goes on; a warning where it is known to be over.

    An LR that rises by a constant factor over several decades is the sweep of an LR finder.
    """

    name: ClassVar[str] = "warmup_end"
    requires: ClassVar[frozenset[Role]] = frozenset({Role.LR})
    measures: ClassVar[frozenset[str]] = frozenset(
        {"last_lr", "rise", "length", "planned_warmup", "planned", "meant_share"}
    )

    sweep: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding: the whole log."""
        group = main_group(case)
        if group is None or not only_rises(group) or case.intent.scheduler in _OWN_RISE:
            return
        lr = group.lr.finite()
        positive = lr.value[lr.value > 0]
        rise = float(positive[-1] / positive[0])
        if rise >= self.sweep and _by_a_factor(positive):
            return
        length = float(lr.step[-1])
        facts = {
            "last_lr": Quantity(float(lr.value[-1]), ""),
            "rise": Quantity(rise, ""),
            "length": Quantity(length, x_units(case)),
        }
        texts = []
        warmup = next((p for p in planned_warmups(case) if p.length is not None), None)
        if warmup is not None and warmup.length is not None:
            facts["planned_warmup"] = Quantity(warmup.length, x_units(case))
            texts.append(f"{warmup.text}, which is {length_text(case, round(warmup.length))}")
        meant = case.intent.lr
        if meant and lr.value[-1] < meant:
            share = 100 * float(lr.value[-1]) / meant
            facts["meant_share"] = Quantity(share, "%")
            texts.append(f"the LR has come to {percent(share)} of the configured one")
        if case.finished and not is_reinforcement_learning(case):
            if case.total_steps:
                facts["planned"] = Quantity(float(case.total_steps), x_units(case))
                texts.append(f"the run of {length_text(case, case.total_steps)} is over")
            else:
                texts.append("the run is over")
        else:
            texts.append("nothing that follows the warm-up can be judged yet")
        yield Evidence(
            start=int(lr.step[0]),
            stop=int(lr.step[-1]) + 1,
            tags=(group.lr.tag,),
            measured=facts,
            param_group=group.name,
            detail=f"{number_text(length)} {x_units(case)} were logged; {'; '.join(texts)}",
            revision="more of the run",
            severity=Severity.WARNING if case.finished else None,
        )


def _by_a_factor(value: Array) -> bool:
    steps = np.diff(np.log(value))
    return bool(np.ptp(steps) <= 0.2 * np.median(steps))
