"""Renders schedules as code of a framework: ``templates/snippets/<framework>/<schedule>.py.j2``.

Torch's form is for every schedule; the form of the framework that wrote the log comes before it. A
template gets the canonical parameters (absent ones are None) with every length in scheduler steps,
and what ``_section`` adds. One that renders nothing says that its framework cannot express these
parameters; then there is no code, rather than code that is nearly right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from lrdoctor.protocols import NamedSchedule
from lrdoctor.resources import data_dir
from lrdoctor.types import ClockUnit, Schedule
from lrdoctor.verdict import Candidate, Diagnosis, GroupSchedule

if TYPE_CHECKING:
    from jinja2 import Environment

Members = Sequence[tuple[str, NamedSchedule]]

# Canonical parameters that are lengths on the x axis.
_LENGTHS = frozenset({
    "step_size", "milestones", "T_max", "T_0", "total_steps", "timescale", "decay_start",
    "decay_steps", "warmup", "step_size_up", "step_size_down",
})  # fmt: skip
# Canonical parameters that are LRs; groups that differ by them alone may share one snippet.
_LEVELS = frozenset({
    "lr", "max_lr", "base_lr", "min_lr", "eta_min", "end_lr", "warmup_start_lr",
})  # fmt: skip
_TOPS = ("lr", "max_lr")
# What torch takes as an LR, the same for all param groups; other levels are factors of each's LR.
_ABSOLUTE = {
    "cosine": ("eta_min",),
    "cosine_restarts": ("eta_min",),
    "cyclic": ("base_lr", "max_lr"),
    "reduce_on_plateau": ("min_lr",),
}
# What torch's classes count in whole steps.
_WHOLE = {
    "step": ("step_size",),
    "multistep": ("milestones",),
    "onecycle": ("total_steps",),
    "cosine_restarts": ("T_0", "T_mult"),
}
_FRAMEWORK_OF = {
    "trainer_state": "transformers",
    "hf_csv": "transformers",
    "lightning_csv": "lightning",
    "ultralytics_csv": "ultralytics",
    "yolov5_csv": "ultralytics",
}
# Frameworks in which one call sets the schedules of all param groups.
_ONE_CALL = frozenset({"transformers", "ultralytics"})
# A template for schedules that have none of their own.
_ANY = "any"
_WHEN = {
    ClockUnit.OPTIMIZER_STEP: "after each optimizer step",
    ClockUnit.BATCH: "after each batch",
    ClockUnit.EPOCH: "after each epoch",
}
_SAME = 1e-5  # of an LR: values printed with six digits


@dataclass(frozen=True, slots=True)
class Source:
    """The log that schedules were read from; ``steps_per_epoch`` are x units."""

    format: str = ""
    unit: ClockUnit = ClockUnit.OPTIMIZER_STEP
    steps_per_epoch: float | None = None


def add_code(diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis with code for every recovered and every corrected schedule."""
    source = Source(diagnosis.format, diagnosis.unit, diagnosis.steps_per_epoch)
    everyone = [(s.param_group, s.schedule) for s in diagnosis.schedules]
    return replace(
        diagnosis,
        schedules=tuple(_recovered(s, everyone, source) for s in diagnosis.schedules),
        candidates=tuple(_corrected(c, source) for c in diagnosis.candidates),
    )


def corrected_code(candidate: Candidate, diagnosis: Diagnosis) -> Candidate:
    """A candidate that was made after the others, with its code."""
    source = Source(diagnosis.format, diagnosis.unit, diagnosis.steps_per_epoch)
    return _corrected(candidate, source)


def snippet(name: str, values: Mapping[str, object]) -> str:
    """A snippet that is no schedule: ``templates/snippets/<name>.py.j2`` with its values."""
    return _environment().get_template(f"{name}.py.j2").render(values).strip()


def code_for(schedules: Members, unit: ClockUnit = ClockUnit.OPTIMIZER_STEP) -> dict[str, str]:
    """Torch's code for the schedules of named param groups; groups alike share a section.

    Empty where torch has no exact form.
    """
    code = _rendered("torch", schedules, Source(unit=unit))
    return {"torch": code} if code else {}


def code_from_log(
    members: Sequence[tuple[str, Schedule]],
    everyone: Sequence[tuple[str, Schedule]],
    source: Source,
) -> dict[str, str]:
    """Code by framework for ``members``, schedules of one span of a log: its own framework first.

    ``everyone`` are the schedules of all param groups, of which a training call sets those of the
    same span together.
    """
    named = [(name, s.named) for name, s in members if s.named is not None]
    result: dict[str, str] = {}
    framework = _FRAMEWORK_OF.get(source.format)
    if framework and named:
        spans = {(s.start, s.stop) for _, s in members}
        together = [(n, s.named) for n, s in everyone if s.named and (s.start, s.stop) in spans]
        last = max(s.stop - 1 - s.origin for _, s in members)
        shown = together if framework in _ONE_CALL else named
        if code := _rendered(framework, shown, source, last):
            result[framework] = code
    return result | (code_for(named, source.unit) if named else {})


def _recovered(
    group: GroupSchedule, everyone: Sequence[tuple[str, Schedule]], source: Source
) -> GroupSchedule:
    member = (group.param_group, group.schedule)
    return replace(group, code=code_from_log([member], everyone, source))


def _corrected(candidate: Candidate, source: Source) -> Candidate:
    members = [(n, s) for n, s in candidate.schedules.items() if s.named is not None]
    return (
        replace(candidate, code=code_from_log(members, members, source)) if members else candidate
    )


def _rendered(framework: str, schedules: Members, source: Source, last: float = 0.0) -> str:
    """A section per kind of schedule; nothing where one of them has no exact form."""
    alike = min((_grouped(schedules, framework, floors=f) for f in (True, False)), key=len)
    if framework != "torch" and len(alike) > 1:  # other forms set one schedule for a whole run
        return ""
    sections = [_section(framework, members, source, last) for members in alike]
    return "\n\n".join(sections) if all(sections) else ""


def _grouped(schedules: Members, framework: str, *, floors: bool) -> list[Members]:
    """Schedules that one section can express; with ``floors`` those with the same floor, else
    those with floors in proportion, where torch's code can be either."""
    alike: dict[str, list[tuple[str, NamedSchedule]]] = {}
    for name, named in schedules:
        levels = {} if framework in _ONE_CALL else _levels(named, floors=floors)
        rest = {k: v for k, v in named.parameters().items() if k not in _LEVELS}
        alike.setdefault(f"{named.name} {rest} {sorted(levels.items())}", []).append((name, named))
    return list(alike.values())


def _levels(named: NamedSchedule, *, floors: bool) -> dict[str, str]:
    """What torch's code says of LRs: absolute, or as a factor of each param group's own."""
    values = named.parameters()
    absolute = _ABSOLUTE.get(named.name, ())
    if named.name == "cosine" and (values.get("clamp") or not floors):
        absolute = ()
    top = _top(named) or 1.0
    names = ((_LEVELS - set(_TOPS)) & values.keys()) | set(absolute)
    return {n: f"{_number(values[n]) / (1.0 if n in absolute else top):.9g}" for n in names}


def _section(framework: str, members: Members, source: Source, last: float) -> str:
    named = members[0][1]
    if not _sound(named):
        return ""
    values, interval = _per_step(named)
    path = _template(framework, named.name, overlap=bool(values.get("warmup_overlap")))
    if path is None or (framework not in _ONE_CALL and not _whole(named.name, values)):
        return ""
    text = (
        _environment()
        .get_template(path)
        .render(
            **values,
            schedule=named.name,  # its canonical name
            groups=[(_comment(name), _top(schedule)) for name, schedule in members],
            members=[schedule.parameters() for _, schedule in members],
            when=_when(source.unit, interval),  # to step torch's scheduler
            unit=source.unit.value,
            interval=interval,  # x units per scheduler step
            steps_per_epoch=source.steps_per_epoch,
            last=last,  # x up to which the log follows the schedule, in its own time
        )
    )
    return text.strip()


def _template(framework: str, name: str, *, overlap: bool) -> str | None:
    names = ("overlap", name, _ANY) if overlap else (name, _ANY)
    paths = (f"{framework}/{n}.py.j2" for n in names)
    return next((p for p in paths if p in _templates()), None)


def _when(unit: ClockUnit, interval: float) -> str:
    if unit is ClockUnit.EPOCH and interval < 1:
        return _WHEN[ClockUnit.OPTIMIZER_STEP]
    return _WHEN[ClockUnit.EPOCH if interval > 1 else unit]


def _per_step(named: NamedSchedule) -> tuple[dict[str, Any], float]:
    """Parameters with lengths in scheduler steps, and the x units one of these takes."""
    values: dict[str, Any] = dict(named.parameters())
    interval = float(values.pop("interval", 1.0))
    for name in _LENGTHS & values.keys():
        values[name] = _divided(values[name], interval)
    if named.name == "exponential":
        values["gamma"] = values["gamma"] ** interval
    return values, interval


def _divided(value: Any, by: float) -> Any:
    if isinstance(value, tuple | list):
        return [_divided(v, by) for v in value]
    exact = float(value) / by
    return round(exact) if abs(exact - round(exact)) < 1e-6 * max(abs(exact), 1.0) else exact


def _whole(name: str, values: Mapping[str, Any]) -> bool:
    """Whether torch can count the lengths, and has an LR to join the warm-up to."""
    lengths = [values[n] for n in _WHOLE.get(name, ())]
    if "warmup" in values and not values.get("warmup_overlap") and name != "reduce_on_plateau":
        if not values.get("lr"):
            return False
        lengths.append(values["warmup"])
    flat = [v for item in lengths for v in (item if isinstance(item, list) else [item])]
    return all(float(v).is_integer() for v in flat)


def _sound(named: NamedSchedule) -> bool:
    """Whether levels can be written as factors of the LR: not those of an LR at 0 or absurd."""
    levels = [abs(_number(v)) for k, v in named.parameters().items() if k in _LEVELS]
    top = abs(_top(named))
    return named.name == "constant" or 1e-100 < top <= max(levels) < 1e100


def _top(named: NamedSchedule) -> float:
    values = named.parameters()
    return next((float(v) for k in _TOPS if isinstance(v := values.get(k), int | float)), 0.0)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _comment(name: str) -> str:
    """A name out of a log, harmless in a comment."""
    return re.sub(r"[^\x20-\x7e]", "?", name)


def _literal(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _later(positions: Sequence[float], warmup: float | None) -> list[float]:
    """Positions counted from the end of the warm-up, where SequentialLR's second part begins."""
    return [p - (warmup or 0) for p in positions]


def _about(value: float, other: float, beside: float) -> bool:
    """Whether two LRs differ by nothing that shows beside a third."""
    return abs(value - other) <= 1e-9 * beside


def _alike(values: Iterable[float]) -> bool:
    """Whether LRs are the same to the digits that logs print."""
    seen = list(values)
    return not seen or max(seen) - min(seen) <= _SAME * max(map(abs, seen))


@cache
def _environment() -> Environment:
    # jinja2 takes 110 ms to import, which commands without code need not wait for.
    from jinja2 import ChainableUndefined, Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(data_dir("templates") / "snippets"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=ChainableUndefined,
        autoescape=False,  # the output is code, never HTML; reports escape it
    )
    filters: Mapping[str, Any] = {"literal": _literal, "later": _later}
    tests: Mapping[str, Any] = {"about": _about, "alike": _alike}
    environment.filters.update(filters)
    environment.tests.update(tests)
    return environment


@cache
def _templates() -> frozenset[str]:
    return frozenset(_environment().list_templates())
