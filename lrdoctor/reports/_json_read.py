"""Reads a JSON report back into the values it was written from."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import numpy as np

from lrdoctor.errors import ConfigError
from lrdoctor.gate import FAIL_ON
from lrdoctor.plugins import discover
from lrdoctor.protocols import NamedSchedule, Shape
from lrdoctor.reports._fields import Fields
from lrdoctor.reports._json_write import FORMAT, VERSION
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import (
    Alternative,
    ClockUnit,
    Confidence,
    Note,
    Quantity,
    Restart,
    Role,
    Schedule,
    Segment,
    Series,
    Severity,
    Status,
)
from lrdoctor.verdict import (
    Band,
    Candidate,
    Curve,
    Diagnosis,
    Evidence,
    Finding,
    GroupSchedule,
    Outcome,
    ReadFailure,
    Report,
    Rule,
    RuleResult,
    Threshold,
)


def read_json(text: str) -> Report:
    """The report in ``text``.

    Fields that version 1 gained later may be absent, unknown ones are ignored. Raises
    ``ConfigError`` that names the field for anything else that breaks the contract.
    """
    top = Fields(_parsed(text))
    if top.values.get("format") != FORMAT:
        raise ConfigError(f'not a report of lrdoctor: "format" is not "{FORMAT}"')
    version = top.integer("format_version")
    if version != VERSION:
        raise ConfigError(
            f"format_version is {version}, and this lrdoctor reads {VERSION}: "
            "use the lrdoctor that wrote the report"
        )
    about = top.inner("lrdoctor")
    rules = {rule.code: rule for rule in map(_rule, top.items("rules", default=()))}
    return Report(
        diagnoses=tuple(_run(run, rules) for run in top.items("runs")),
        unreadable=tuple(
            ReadFailure(f.text("path"), f.text("reason")) for f in top.items("unreadable")
        ),
        version=about.text("version"),
        rulebook_digest=about.text("rulebook_digest"),
        arguments=about.texts("arguments"),
        fail_on=_fail_on(about),
        baseline=about.text_or_none("baseline"),
        rules=tuple(rules.values()),
        files_found=top.inner("summary").integer_or_none("files_found") or 0,
        notes=tuple(map(_note, top.items("notes", default=()))),
    )


def _fail_on(f: Fields) -> str:
    text = f.text("fail_on", default=str(Severity.ERROR))
    return text if text in FAIL_ON else f.wrong("fail_on", " | ".join(FAIL_ON))


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_reject)
    except json.JSONDecodeError as error:
        raise ConfigError(f"not JSON: {error.msg}", line=error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not JSON that can be read: {error}") from None
    if not isinstance(value, dict):
        raise ConfigError("not a report of lrdoctor: the document is not an object")
    return value


def _reject(token: str) -> NoReturn:
    raise ValueError(f"{token} is not a JSON number")


def _rule(f: Fields) -> Rule:
    return Rule(
        code=f.text("code"),
        name=f.text("name"),
        category=f.text("category"),
        title=f.text("title"),
        severity=f.choice("severity", Severity),
        confidence=f.choice("confidence", Confidence),
        detector=f.text("detector"),
        message=f.text("message"),
        why=f.text("why"),
        harmless=f.text("harmless"),
        fixes=f.texts("fixes"),
        references=f.texts("references"),
        thresholds=f.mapping("thresholds", _threshold),
        fires=f.text("fires"),
        quiet=f.text("quiet"),
    )


def _threshold(f: Fields) -> Threshold:
    return Threshold(f.number("value"), f.text("unit"), f.text("source"))


def _bare_rule(f: Fields) -> Rule:
    """All that a result itself says about its rule, for reports without rule texts."""
    return Rule(
        code=f.text("code"),
        name=f.text("name"),
        category="",
        title=f.text("name").replace("-", " "),
        severity=f.choice("severity", Severity),
        confidence=f.choice("confidence", Confidence),
        detector="",
        message="",
        why="",
        harmless="",
        fixes=(),
        references=(),
        thresholds={},
    )


def _run(f: Fields, rules: dict[str, Rule]) -> Diagnosis:
    steps = f.inner("steps")
    return Diagnosis(
        run=f.text("path"),
        files=f.texts("files"),
        format=f.text("format"),
        first=steps.integer("first"),
        last=steps.integer("last"),
        unit=steps.choice("unit", ClockUnit),
        steps_per_epoch=steps.number_or_none("per_epoch"),
        planned=steps.integer_or_none("planned"),
        finished=steps.truth_or_none("finished"),
        roles=_roles(f),
        restarts=tuple(map(_restart, f.items("restarts"))),
        schedules=tuple(map(_group_schedule, f.items("schedules"))),
        results=tuple(_result(r, rules) for r in f.items("results")),
        candidates=tuple(map(_candidate, f.items("candidates"))),
        curves=tuple(map(_curve, f.items("curves", default=()))),
        hparams=f.scalars("hparams"),
        notes=tuple(map(_note, f.items("notes"))),
    )


def _roles(f: Fields) -> dict[Role, tuple[str, ...]]:
    if "role_tags" in f.values:
        tags = f.inner("role_tags")
        return {role: tags.texts(role.value) for role in Role if role.value in tags.values}
    plain = f.inner("roles")
    found: dict[Role, tuple[str, ...]] = {Role.LR: plain.texts(Role.LR.value)}
    for role in Role:
        tag = None if role is Role.LR else plain.text_or_none(role.value)
        if tag is not None:
            found[role] = (tag,)
    return found


def _restart(f: Fields) -> Restart:
    gap = f.number_or_none("gap_seconds")
    return Restart(f.integer("step"), f.integer("discarded"), f.text_or_none("file"), gap)


def _group_schedule(f: Fields) -> GroupSchedule:
    return GroupSchedule(f.text("param_group"), f.text("tag"), _schedule(f), f.strings("code"))


def _schedule(f: Fields) -> Schedule:
    """A schedule; of a candidate's the contract promises name and parameters only."""
    start = f.integer("start", default=0)
    return Schedule(
        start=start,
        stop=f.integer("stop", default=start),
        segments=tuple(map(_segment, f.items("segments", default=()))),
        named=_named(f),
        residual=f.number("residual", default=float("nan")),
        origin=f.number("origin", default=start),
        logged=f.text("logged", default="unknown"),
        began=f.text("began", default=""),
        alternatives=tuple(
            Alternative(a.text("name"), a.text("reason"))
            for a in f.items("alternatives", default=())
        ),
    )


def _named(f: Fields) -> NamedSchedule | None:
    name = f.text_or_none("name")
    if name is None:
        return None
    try:
        return from_parameters(name, f.parameters("parameters"))
    except ConfigError as error:
        raise ConfigError(f"{f.place('parameters')}: {error.reason}") from None


def _segment(f: Fields) -> Segment:
    residual = f.number("residual", default=float("nan"))
    return Segment(f.number("start"), f.number("stop"), _shape(f), residual)


def _shape(f: Fields) -> Shape:
    known, name = discover("shapes"), f.text("shape")
    if name not in known:
        f.wrong("shape", " | ".join(known))
    try:
        shape: Shape = known[name](**f.parameters("parameters"))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{f.place('parameters')}: {error}") from None
    return shape


def _result(f: Fields, rules: dict[str, Rule]) -> RuleResult:
    rule = rules.get(f.text("code")) or _bare_rule(f)
    return RuleResult(
        rule=rule,
        status=f.choice("status", Status),
        finding=None if f.values.get("message") is None else _finding(f, rule),
        reason=f.text_or_none("reason"),
        traceback=f.text_or_none("traceback"),
        known_since=f.text_or_none("known_since"),
    )


def _finding(f: Fields, rule: Rule) -> Finding:
    evidence = Evidence(
        start=f.integer("start"),
        stop=f.integer("stop"),
        tags=f.texts("tags", default=()),
        measured=f.mapping("measured", lambda q: Quantity(q.number("value"), q.text("unit"))),
        param_group=f.text_or_none("param_group"),
        detail=f.text("detail", default=""),
        revision=f.text("revision", default=""),
    )
    return Finding(
        rule=rule,
        evidence=evidence,
        message=f.text("message"),
        severity=f.choice("severity", Severity),
        confidence=f.choice("confidence", Confidence),
        fingerprint=f.text("fingerprint"),
        cause=f.text_or_none("cause"),
    )


def _candidate(f: Fields) -> Candidate:
    return Candidate(
        fix=f.text("fix"),
        title=f.text("title"),
        answers=f.texts("for"),
        disposition=f.text("disposition"),
        schedules=f.mapping("schedules", _schedule),
        curves=tuple(map(_curve, f.items("curves", default=()))),
        diff=f.text("diff"),
        code=f.strings("code"),
        resolves=f.texts("resolves"),
        introduces=f.texts("introduces"),
        outcomes=tuple(map(_outcome, f.items("outcomes"))),
    )


def _outcome(f: Fields) -> Outcome:
    return Outcome(
        level=f.text("level"),
        assumptions=f.texts("assumptions"),
        grade=f.text_or_none("grade"),
        refused=f.text_or_none("refused"),
        baseline_loss=f.number_or_none("baseline_loss"),
        loss=f.number_or_none("loss"),
        interval=f.pair("interval"),
        gain_interval=f.pair("gain_interval"),
        seeds=f.integer_or_none("seeds"),
        device=f.text_or_none("device"),
        seconds=f.number_or_none("seconds"),
        band=None if f.values.get("band") is None else _band(f.inner("band")),
        probe=f.text("probe", default=""),
        verdict=f.text_or_none("verdict"),
    )


def _band(f: Fields) -> Band:
    try:
        return Band(*(np.array(f.numbers(name)) for name in ("step", "loss", "low", "high")))
    except ValueError as error:
        raise ConfigError(f"{f.path}: {error}") from None


def _note(f: Fields) -> Note:
    step = f.integer_or_none("step")
    return Note(f.text("kind"), f.text("message"), f.text_or_none("file"), step)


def _curve(f: Fields) -> Curve:
    steps, values = f.get("step", "a list of integers", list), f.numbers("value")
    if not all(isinstance(s, int) and -(2**63) <= s < 2**63 for s in steps):
        f.wrong("step", "a list of integers")
    try:
        series = Series(f.text("tag"), np.array(steps, dtype=np.int64), np.array(values))
    except ValueError as error:
        raise ConfigError(f"{f.path}: {error}") from None
    return Curve(f.choice("role", Role), series.tag, series, f.text_or_none("param_group"))
