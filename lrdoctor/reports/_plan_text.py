"""The plan of a training on a terminal: counts, LRs, code, and why a peak was seen elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from lrdoctor.horizon import Explanation
from lrdoctor.messages import number_text, schedule_text
from lrdoctor.planning import USUAL_WARMUP, Planned, TrainingPlan
from lrdoctor.reports._ansi import Line, emit, paragraph
from lrdoctor.reports._format import count, lr_text
from lrdoctor.snippets import code_for

_LABEL, _COLUMN = 34, 18
_MOST_REASONS = 3


def plan_text(
    plan: TrainingPlan,
    *,
    drop_last: bool,
    from_config: Mapping[str, str],
    observed: str | None = None,
    reasons: Sequence[Explanation] | None = None,
    width: int = 80,
    color: bool = False,
) -> str:
    """Table, code for the chosen rounding, and the ``reasons`` of a peak ``observed`` elsewhere."""
    chosen = plan.drop_last if drop_last else plan.keep_last
    lines: list[Line] = list(_head(plan, from_config, width))
    lines += [[], *_table(plan)]
    if chosen.named is not None:
        lines += [[], *_code(chosen, plan.relative, drop_last, width)]
    if observed is not None:
        lines += [[], *_observed(chosen, observed, reasons, width)]
    return emit(lines, color)


def _head(plan: TrainingPlan, from_config: Mapping[str, str], width: int) -> Iterator[Line]:
    intent = plan.intent
    facts = (
        count(intent.dataset_size or 0, "sample"),
        f"batches of {number_text(intent.batch_size or 0)}",
        count(intent.devices or 1, "device"),
        f"accumulation {intent.accumulation or 1}",
        f"{number_text(intent.epochs or 0)} epochs",
    )
    yield from paragraph([("", " · ".join(facts))], width)
    if from_config:
        named = ", ".join(f"{k}={v}" for k, v in from_config.items())
        yield from paragraph([("dim", f"from the configuration: {named}")], width)


def _table(plan: TrainingPlan) -> Iterator[Line]:
    heads = f"{'last batch dropped':>{_COLUMN}}{'kept':>{_COLUMN}}"
    yield [("dim", f"{'':{_LABEL}}{heads}")]
    for label, value in _rows(plan):
        cells = "".join(f"{value(p):>{_COLUMN}}" for p in (plan.drop_last, plan.keep_last))
        yield [("", f"{label:<{_LABEL}}"), ("bold", cells)]


def _rows(plan: TrainingPlan) -> Iterator[tuple[str, Callable[[Planned], str]]]:
    yield "samples per device", lambda p: f"{p.counts.samples_per_device:,}"
    yield "batches per epoch", lambda p: f"{p.counts.batches_per_epoch:,}"
    yield "optimizer steps per epoch", lambda p: f"{p.counts.steps_per_epoch:,}"
    yield "optimizer steps in all", lambda p: f"{p.counts.total_steps:,}"
    share = f"{100 * USUAL_WARMUP:g} %"
    yield f"warm-up of {share}, the usual most", lambda p: f"{_usual(p):,}"
    if plan.drop_last.named is None:
        return
    unit = " (share of peak)" if plan.relative else ""
    yield "peak at step", lambda p: f"{p.peak or 0:,}"
    yield "peak at epoch", lambda p: number_text(round(p.peak_epoch or 0, 2))
    yield f"first LR{unit}", lambda p: lr_text(p.first_lr or 0.0)
    yield f"largest LR{unit}", lambda p: lr_text(p.top_lr or 0.0)
    yield f"last LR{unit}", lambda p: lr_text(p.last_lr or 0.0)


def _usual(planned: Planned) -> int:
    return round(USUAL_WARMUP * planned.counts.total_steps)


def _code(planned: Planned, relative: bool, drop_last: bool, width: int) -> Iterator[Line]:
    assert planned.named is not None
    rounding = "last batch dropped" if drop_last else "last batch kept, torch's default"
    yield from paragraph([("bold", schedule_text(planned.named)), ("", f"  ({rounding})")], width)
    if relative:
        yield from paragraph([("warning", "No LR was given (--max-lr): 1 stands for it.")], width)
    for framework, code in code_for([("all param groups", planned.named)]).items():
        yield []
        yield [("dim", f"{framework}:")]
        yield from ([("", f"  {line}".rstrip())] for line in code.splitlines())


def _observed(
    planned: Planned, observed: str, reasons: Sequence[Explanation] | None, width: int
) -> Iterator[Line]:
    expected = planned.peak_epoch or 0.0
    where = f"The peak was seen in epoch {observed} and planned for epoch {expected:.4g}"
    if reasons is None:
        yield from paragraph([("good", f"{where}: as planned.")], width)
        return
    if not reasons:
        told = f"{where}: no simple explanation by these numbers."
        yield from paragraph([("bold", told)], width)
        return
    yield from paragraph([("bold", f"{where}. Most likely first:")], width)
    for number, reason in enumerate(reasons[:_MOST_REASONS], start=1):
        share = f"{number}. {reason.ratio} of the plan, epoch {float(reason.ratio) * expected:.4g}"
        yield from paragraph([("", f"{share}: {reason.text}")], width, "   ")
