"""What ``lrdoctor watch`` prints: events as paragraphs, as lines or as JSON, and a status line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from lrdoctor.fleet.follow import Event, Kind
from lrdoctor.fleet.live import Followed, Told
from lrdoctor.messages import UNIT_NOUN, number_text
from lrdoctor.reports._ansi import Line, Span, emit, paragraph
from lrdoctor.reports._format import cells, count, lr_text, middle, one_line, position, sentence
from lrdoctor.types import Role, Severity
from lrdoctor.verdict import Diagnosis, Finding

_INDENT = "   "
_CHANGES = {
    Kind.RAISED: "told before, now more severe",
    Kind.LOWERED: "told before, now less severe",
}


def as_json(told: Told, at: datetime) -> str:
    """One event as a JSON object on one line; the fields are listed in the README."""
    event, finding = told.event, told.event.finding
    fields: dict[str, object] = {
        "time": _stamp(at),
        "event": str(event.kind),
        "run": event.run,
        "step": event.step,
        "before": event.before,
    }
    if told.known is not None:
        fields["known_from"] = told.known
    if event.cause is not None:
        fields["cause"] = event.cause
    if finding is not None:
        fields |= {
            "code": finding.rule.code,
            "name": finding.rule.name,
            "severity": str(finding.severity),
            "confidence": str(finding.confidence),
            "start": finding.evidence.start,
            "stop": finding.evidence.stop,
            "message": finding.message,
            "fingerprint": finding.fingerprint,
        }
    return json.dumps(fields, ensure_ascii=False)


def end_as_json(followed: Followed, at: datetime) -> str:
    """The end of watching a run as a JSON object on one line: what stands."""
    fields = {
        "time": _stamp(at),
        "event": "ended",
        "run": followed.name,
        "step": followed.state.last,
        "standing": [f.rule.code for f in followed.state.standing],
        "pending": followed.state.pending,
    }
    return json.dumps(fields, ensure_ascii=False)


def as_line(told: Told, diagnosis: Diagnosis, at: datetime) -> str:
    """One event on one line, for a log file or a pipe."""
    event = told.event
    where = f"{at:%H:%M:%S} {one_line(event.run)} {position(event.step, diagnosis)}"
    text = _label(event) + ("" if event.finding is None else f" {_title(event.finding)}")
    return f"{where}: {text}: {one_line(_sentence(told, diagnosis))}"


def as_paragraph(told: Told, diagnosis: Diagnosis, at: datetime, width: int, color: bool) -> str:
    """One event for a terminal: a heading, then what it is about."""
    event = told.event
    style = _style(event)
    head = f"{at:%H:%M:%S} {_label(event)}"
    if event.finding is not None:
        head += f" {_title(event.finding)}"
    run = middle(one_line(event.run), max(width - cells(head) - 2, 16))
    gap = max(width - cells(head) - cells(run), 2)
    lines: list[Line] = [[("dim", head[:9]), (style, head[9:]), ("", " " * gap), ("run", run)]]
    body: list[Span] = [("", _sentence(told, diagnosis))]
    return emit([*lines, *paragraph(body, width, _INDENT)], color)


def status(runs: Sequence[Followed], width: int) -> str:
    """The state of affairs in one line: how far, what stands, and what else there is room for."""
    judged = [f.diagnosis for f in runs if f.diagnosis is not None]
    if not judged:
        troubles = [f"{f.name}: {f.unread}" for f in runs if f.unread]
        return middle(one_line("; ".join(troubles)), width)
    parts = [count(len(judged), "run")]
    if len(judged) == 1:
        parts = [f"{one_line(judged[0].run)} at {_reached(judged[0])}"]
    parts.append(_counts(f for followed in runs for f in followed.state.standing))
    waiting = sum(f.state.pending for f in runs)
    further = [f"{waiting} not confirmed yet"] if waiting else []
    if len(judged) == 1:
        further += _last_values(judged[0])
    for part in further:
        if sum(cells(p) + 3 for p in (*parts, part)) <= width:
            parts.append(part)
    return middle(" · ".join(parts), width)


def summary(runs: Sequence[Followed], interrupted: bool, withdrawn: int) -> Iterator[str]:
    """What a watch came to: a line per run, with what stands."""
    for followed in runs:
        diagnosis = followed.diagnosis
        if diagnosis is None:
            yield f"{one_line(followed.name)}: not read: {one_line(followed.unread)}"
            continue
        what = "watched to" if interrupted else "ended at"
        text = f"{one_line(followed.name)}: {what} {_reached(diagnosis)}: "
        if diagnosis.roles.get(Role.LR):
            text += _counts(followed.state.standing)
        else:
            text += "not judged, the log has no learning rate"
        codes = ", ".join(dict.fromkeys(f.rule.code for f in followed.state.standing))
        text += f" ({codes})" if codes else ""
        if followed.state.pending:
            text += f"; {followed.state.pending} seen but not confirmed"
        yield text
    if withdrawn:
        yield f"{count(withdrawn, 'finding')} withdrawn on the way"


def _stamp(at: datetime) -> str:
    return at.astimezone().isoformat(timespec="seconds")


def _style(event: Event) -> str:
    if event.finding is None or event.kind in (Kind.WITHDRAWN, Kind.EXPLAINED):
        return "good" if event.finding is not None else "bold"
    return event.finding.severity.value


def _label(event: Event) -> str:
    if event.finding is None or event.kind in (Kind.WITHDRAWN, Kind.EXPLAINED):
        return str(event.kind).upper()
    return str(event.finding.severity).upper()


def _title(finding: Finding) -> str:
    return f"{finding.rule.code} {finding.rule.name}"


def _sentence(told: Told, diagnosis: Diagnosis) -> str:
    event, finding = told.event, told.event.finding
    if finding is None:
        return (
            f"The log ended at {position(event.before, diagnosis)} and now ends at "
            f"{position(event.step, diagnosis)}: a new training; what was told of the old one "
            "no longer counts."
        )
    here = position(event.step, diagnosis)
    if event.kind is Kind.WITHDRAWN:
        return f"At {here}: no longer a fault since {position(event.before, diagnosis)}."
    if event.kind is Kind.EXPLAINED:
        return f"At {here}: an effect of {event.cause}, not a fault of its own."
    text = f"At {here}: {sentence(finding.message)}"
    if event.kind in _CHANGES:
        return f"{text} ({_CHANGES[event.kind]})"
    if told.known is not None:
        text += f" (could be known from {position(told.known, diagnosis)} on)"
    return text


def _reached(diagnosis: Diagnosis) -> str:
    planned = "" if diagnosis.planned is None else f" of {number_text(diagnosis.planned)}"
    return f"{UNIT_NOUN[diagnosis.unit]} {number_text(diagnosis.last)}{planned}"


def _last_values(diagnosis: Diagnosis) -> Iterator[str]:
    for role, name, shown in ((Role.TRAIN_LOSS, "loss", number_text), (Role.LR, "LR", lr_text)):
        values = [c.series.value for c in diagnosis.curves if c.role is role]
        if values and len(values[0]):
            yield f"{name} {shown(float(values[0][-1]))}"


def _counts(findings: Iterator[Finding] | Sequence[Finding]) -> str:
    met = Counter(f.severity for f in findings)
    told = [
        count(met[s], str(s) if s is not Severity.INFO else "remark")
        for s in reversed(Severity)
        if met[s]
    ]
    return ", ".join(told) or "nothing wrong"
