"""The schedules behind a log on a terminal: name, fit, residual, other readings, code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lrdoctor.curves.thin import thumbnail
from lrdoctor.key_points import remarks
from lrdoctor.messages import number_text, schedule_text
from lrdoctor.reports._ansi import Line, emit, paragraph
from lrdoctor.reports._format import count, lr_text, middle, one_line, span
from lrdoctor.reports._schedule_text import curves_plot
from lrdoctor.snippets import Source, code_from_log
from lrdoctor.types import Array, Case, ClockUnit, ParamGroup, Schedule, Segment, Series, Status
from lrdoctor.verdict import RuleResult

_INDENT = "  "
_SAME_RATIO = 1e-6  # as float32 keeps it
_EXACT = 1e-6  # of the largest LR: rounding of the log, nothing to be seen in it
_MOST_SEGMENTS = 8
_LOGGED = {"next": "The log shows the LR of the next step.", "used": "", "unknown": ""}


def fit_text(case: Case, width: int, *, log: bool = False, color: bool = False) -> str:
    """Every param group of one run; groups that differ by a factor are told under the first."""
    unit = case.clock.unit
    kind = f"  ({case.run.format})"
    name = middle(one_line(case.run.name), width - len(kind))
    lines: list[Line] = [[("run", name), ("dim", kind)]]
    if not case.param_groups:
        lines += paragraph([("", "no learning rate in this log")], width, _INDENT)
    for lead, others in _families(case.param_groups):
        lines += _group(lead, [g for g, _ in others], unit, width, log)
        for group, factor in others:
            told = f"param group {group.name}: {number_text(factor)} times the LR of {lead.name}"
            lines += paragraph([("", told)], width, _INDENT)
        lines += _code(case, [lead, *(g for g, _ in others)])
    return emit(lines, color)


def preflight_text(
    case: Case, results: Sequence[RuleResult], width: int, *, color: bool = False
) -> str:
    """What a report on a dry run leaves unsaid: the schedules, and what only a training tells."""
    lines: list[Line] = [[("bold", "Schedule")]]
    for lead, others in _families(case.param_groups):
        names = ", ".join(one_line(g.name) for g in (lead, *(g for g, _ in others)))
        for part in lead.schedules:
            where = f"{names}, {span(part.start, part.stop, case.clock.unit)}: "
            lines += paragraph([("", where), ("", schedule_text(part.named))], width, _INDENT)
            for told in _surprises(part, len(lead.schedules)):
                lines += paragraph([("", told)], width, _INDENT * 2)
    unjudged = [r for r in results if r.status is Status.NOT_APPLICABLE]
    if unjudged:
        lines.append([("bold", "Not judged by a dry run")])
    for result in unjudged:
        told = f"{result.rule.code} {result.rule.name}: {result.reason}"
        lines += paragraph([("", told)], width, _INDENT)
    return emit(lines, color)


def _surprises(part: Schedule, parts: int) -> Iterator[str]:
    """What to know about a schedule that one part of a dry run followed from its step 0."""
    if part.named is None:
        yield from (f"or {other.name}: {other.reason}" for other in part.alternatives)
    elif parts == 1 and part.origin == part.start == 0:
        yield from remarks(part.named, part.stop)


def _families(
    groups: Sequence[ParamGroup],
) -> list[tuple[ParamGroup, list[tuple[ParamGroup, float]]]]:
    """Each group that has a curve of its own, with those that are a factor times it."""
    found: list[tuple[ParamGroup, list[tuple[ParamGroup, float]]]] = []
    for group in groups:
        for lead, others in found:
            factor = _ratio(lead.lr, group.lr)
            if factor is not None:
                others.append((group, factor))
                break
        else:
            found.append((group, []))
    return found


def _ratio(one: Series, other: Series) -> float | None:
    """What ``one`` is multiplied with to give ``other``, where that is one number."""
    if not len(one) or not np.array_equal(one.step, other.step):
        return None
    largest = int(np.nanargmax(np.abs(one.value))) if np.isfinite(one.value).any() else 0
    if not one.value[largest]:
        return None
    factor = float(other.value[largest] / one.value[largest])
    same = np.allclose(one.value * factor, other.value, rtol=_SAME_RATIO, atol=0, equal_nan=True)
    return factor if same else None


def _group(
    group: ParamGroup, others: Sequence[ParamGroup], unit: ClockUnit, width: int, log: bool
) -> Iterator[Line]:
    yield []
    title = f"param group {one_line(group.name)}"
    more = f" and {count(len(others), 'group')} of the same shape" if others else ""
    points = f" ({count(len(group.lr), 'point')} of {one_line(group.lr.tag)})"
    yield from paragraph([("bold", title), ("", more), ("dim", points)], width, _INDENT)
    if not group.schedules:
        yield from paragraph([("", "no finite learning rate")], width, _INDENT)
        return
    if len(group.schedules) > 1:
        told = f"{len(group.schedules)} schedules in turn: rebuilt, reset or restarted"
        yield from paragraph([("warning", told)], width, _INDENT)
    for part in group.schedules:
        yield from _part(part, unit, width)
    shown = thumbnail(group.lr)
    fitted = _fitted(group.schedules, shown)
    yield []
    curves = [Series("logged", shown.step, shown.value), Series("fitted", shown.step, fitted)]
    yield from curves_plot(curves, width, log=log, indent=_INDENT)
    yield from _residual(group, width)


def _part(part: Schedule, unit: ClockUnit, width: int) -> Iterator[Line]:
    where = f"{span(part.start, part.stop, unit)}: "
    yield from paragraph([("", where), ("good", schedule_text(part.named))], width, _INDENT)
    error = f"Fits to {lr_text(100 * part.residual)} % of the largest LR (RMS)."
    facts = ["Fits within rounding." if part.residual <= _EXACT else error]
    if part.named is not None and part.origin != part.start:
        facts.append(f"Its own step 0 is {number_text(part.origin)}.")
    facts.append(_LOGGED.get(part.logged, ""))
    yield from paragraph([("dim", " ".join(filter(None, facts)))], width, _INDENT * 2)
    if part.named is None:
        yield from _pieces(part.segments, width)
    for other in part.alternatives:
        told = f"Or {other.name}: {other.reason}."
        yield from paragraph([("warning", told)], width, _INDENT * 2)


def _pieces(segments: Sequence[Segment], width: int) -> Iterator[Line]:
    """The shapes of an LR without a name."""
    for segment in segments[:_MOST_SEGMENTS]:
        numbers = segment.shape.parameters().items()
        values = ", ".join(
            f"{k}={number_text(v)}" for k, v in numbers if isinstance(v, int | float)
        )
        told = f"from {number_text(segment.start)}: {segment.shape.name}({values})"
        yield from paragraph([("", told)], width, _INDENT * 2)
    if len(segments) > _MOST_SEGMENTS:
        yield [("dim", f"{_INDENT * 2}and {len(segments) - _MOST_SEGMENTS} more pieces")]


def _fitted(parts: Sequence[Schedule], lr: Series) -> Array:
    """LR of the schedules at the points of ``lr``, each over its own part."""
    result = np.full(len(lr), np.nan)
    for index, part in enumerate(parts):
        inside = (lr.step >= part.start) | (index == 0)
        result[inside] = part.lr(lr.step[inside])
    return result


def _residual(group: ParamGroup, width: int) -> Iterator[Line]:
    lr = thumbnail(group.lr.finite())
    largest = float(np.max(np.abs(lr.value), initial=0.0))
    if not largest:
        return
    error = (lr.value - _fitted(group.schedules, lr)) / largest
    worst = float(np.max(np.abs(error)))
    if worst <= _EXACT:
        told = f"residual: at most {lr_text(worst)} of the largest LR, as rounding leaves"
        yield from paragraph([("dim", told)], width, _INDENT)
        return
    curve = Series("logged - fitted, % of the largest LR", lr.step, 100 * error)
    yield from curves_plot([curve], width, 3, log=False, indent=_INDENT)


def _code(case: Case, family: Sequence[ParamGroup]) -> Iterator[Line]:
    source = Source(case.run.format, case.clock.unit, case.clock.steps_per_epoch)
    everyone = [(g.name, part) for g in case.param_groups for part in g.schedules]
    lead = family[0]
    for index, part in enumerate(lead.schedules):
        if part.named is None:
            continue
        members = [(g.name, g.schedules[index]) for g in family if g.schedules[index:]]
        for framework, code in code_from_log(members, everyone, source).items():
            yield []
            which = f", {span(part.start, part.stop, source.unit)}" if lead.schedules[1:] else ""
            yield [("dim", f"{_INDENT}{framework}{which}:")]
            yield from ([("", f"{_INDENT}{line}".rstrip())] for line in code.splitlines())
