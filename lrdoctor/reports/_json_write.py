"""The values of a report as the JSON contract spells them, field by field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from lrdoctor.protocols import NamedSchedule
from lrdoctor.reports._view import all_rules, count_all
from lrdoctor.types import Note, Quantity, Role, Schedule, Segment, Severity
from lrdoctor.verdict import (
    Band,
    Candidate,
    Curve,
    Diagnosis,
    GroupSchedule,
    Outcome,
    Report,
    Rule,
    RuleResult,
    Threshold,
)

FORMAT, VERSION = "lrdoctor-report", 1
Json = dict[str, Any]


def document(report: Report) -> Json:
    """The whole report."""
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "lrdoctor": {
            "version": report.version,
            "rulebook_digest": report.rulebook_digest,
            "arguments": list(report.arguments),
            "fail_on": report.fail_on,
            "baseline": report.baseline,
        },
        "summary": _summary(report),
        "unreadable": [{"path": f.path, "reason": f.reason} for f in report.unreadable],
        "rules": [_rule(rule) for rule in all_rules(report)],
        "notes": [_note(note) for note in report.notes],
        "runs": [_run(diagnosis) for diagnosis in report.diagnoses],
    }


def _summary(report: Report) -> Json:
    counts = count_all(report)
    return {
        "runs": counts.runs,
        "findings": {s.value: getattr(counts, s.value) for s in reversed(Severity)},
        "suppressed": counts.suppressed,
        "known": counts.known,
        "unreadable": counts.unreadable,
        "files_found": counts.files_found,
        "judged": counts.judged,
        "not_judgeable": counts.not_judgeable,
        "failed_checks": counts.failed_checks,
    }


def _rule(rule: Rule) -> Json:
    return {
        "code": rule.code,
        "name": rule.name,
        "category": rule.category,
        "title": rule.title,
        "severity": rule.severity.value,
        "confidence": rule.confidence.value,
        "detector": rule.detector,
        "message": rule.message,
        "why": rule.why,
        "harmless": rule.harmless,
        "fixes": list(rule.fixes),
        "references": list(rule.references),
        "thresholds": {name: _threshold(t) for name, t in rule.thresholds.items()},
        "fires": rule.fires,
        "quiet": rule.quiet,
    }


def _threshold(threshold: Threshold) -> Json:
    value = number(threshold.value)
    return {"value": value, "unit": threshold.unit, "source": threshold.source}


def _run(d: Diagnosis) -> Json:
    return {
        "path": d.run,
        "files": list(d.files),
        "format": d.format,
        "steps": {
            "first": int(d.first),
            "last": int(d.last),
            "unit": d.unit.value,
            "planned": None if d.planned is None else int(d.planned),
            "finished": d.finished,
            "per_epoch": number(d.steps_per_epoch),
        },
        "roles": _roles(d.roles),
        "role_tags": {role.value: list(d.roles[role]) for role in Role if role in d.roles},
        "restarts": [
            {
                "step": int(r.step),
                "discarded": int(r.discarded),
                "file": r.file,
                "gap_seconds": number(r.gap_seconds),
            }
            for r in d.restarts
        ],
        "schedules": [_group_schedule(s) for s in d.schedules],
        "results": [_result(r) for r in d.results],
        "candidates": [_candidate(c) for c in d.candidates],
        "notes": [_note(n) for n in d.notes],
        "hparams": {name: plain(d.hparams[name]) for name in sorted(d.hparams)},
        "curves": [_curve(c) for c in d.curves],
    }


def _roles(roles: Mapping[Role, tuple[str, ...]]) -> Json:
    """LR is a list, one tag per param group; every other role has one tag or null."""
    first = {role.value: next(iter(roles.get(role, ())), None) for role in Role}
    return {**first, Role.LR.value: list(roles.get(Role.LR, ()))}


def _group_schedule(group: GroupSchedule) -> Json:
    return {
        "param_group": group.param_group,
        "tag": group.tag,
        **_schedule(group.schedule),
        "code": dict(group.code),
    }


def _schedule(schedule: Schedule) -> Json:
    return {
        **_named(schedule.named),
        "start": plain(schedule.start),
        "stop": plain(schedule.stop),
        "origin": number(schedule.origin),
        "residual": number(schedule.residual),
        "logged": schedule.logged,
        "began": schedule.began,
        "alternatives": [{"name": a.name, "reason": a.reason} for a in schedule.alternatives],
        "segments": [_segment(s) for s in schedule.segments],
    }


def _named(named: NamedSchedule | None) -> Json:
    if named is None:
        return {"name": None, "parameters": {}}
    return {"name": named.name, "parameters": _parameters(named.parameters())}


def _segment(segment: Segment) -> Json:
    return {
        "start": number(segment.start),
        "stop": number(segment.stop),
        "shape": segment.shape.name,
        "parameters": _parameters(segment.shape.parameters()),
        "residual": number(segment.residual),
    }


def _parameters(parameters: Mapping[str, Any]) -> Json:
    return {name: plain(value) for name, value in parameters.items()}


def _result(result: RuleResult) -> Json:
    found, rule = result.finding, result.rule
    evidence = None if found is None else found.evidence
    return {
        "code": rule.code,
        "name": rule.name,
        "status": result.status.value,
        "severity": (found or rule).severity.value,
        "confidence": (found or rule).confidence.value,
        "param_group": evidence and evidence.param_group,
        "start": None if evidence is None else int(evidence.start),
        "stop": None if evidence is None else int(evidence.stop),
        "message": found and found.message,
        "measured": {} if evidence is None else _quantities(evidence.measured),
        "cause": found and found.cause,
        "reason": result.reason,
        "fingerprint": found and found.fingerprint,
        "tags": [] if evidence is None else list(evidence.tags),
        "detail": "" if evidence is None else evidence.detail,
        "revision": "" if evidence is None else evidence.revision,
        "traceback": result.traceback,
        "known_since": result.known_since,
    }


def _quantities(measured: Mapping[str, Quantity]) -> Json:
    return {name: {"value": number(q.value), "unit": q.unit} for name, q in measured.items()}


def _candidate(candidate: Candidate) -> Json:
    return {
        "fix": candidate.fix,
        "title": candidate.title,
        "for": list(candidate.answers),
        "disposition": candidate.disposition,
        "schedules": {group: _schedule(s) for group, s in candidate.schedules.items()},
        "diff": candidate.diff,
        "code": dict(candidate.code),
        "resolves": list(candidate.resolves),
        "introduces": list(candidate.introduces),
        "outcomes": [outcome_json(o) for o in candidate.outcomes],
        "curves": [_curve(c) for c in candidate.curves],
    }


def outcome_json(outcome: Outcome) -> Json:
    """What one replay level says."""
    return {
        "level": outcome.level,
        "grade": outcome.grade,
        "refused": outcome.refused,
        "verdict": outcome.verdict,
        "baseline_loss": number(outcome.baseline_loss),
        "loss": number(outcome.loss),
        "interval": _pair(outcome.interval),
        "gain_interval": _pair(outcome.gain_interval),
        "seeds": outcome.seeds,
        "device": outcome.device,
        "seconds": number(outcome.seconds),
        "assumptions": list(outcome.assumptions),
        "band": None if outcome.band is None else _band(outcome.band),
        "probe": outcome.probe,
    }


def _band(band: Band) -> Json:
    columns = {"step": band.step, "loss": band.loss, "low": band.low, "high": band.high}
    return {name: [number(float(v)) for v in column] for name, column in columns.items()}


def _pair(interval: tuple[float, float] | None) -> list[float | str | None] | None:
    return None if interval is None else [number(bound) for bound in interval]


def _note(note: Note) -> Json:
    return {"kind": note.kind, "file": note.file, "step": note.step, "message": note.message}


def _curve(curve: Curve) -> Json:
    return {
        "role": curve.role.value,
        "tag": curve.tag,
        "param_group": curve.param_group,
        "step": curve.series.step.tolist(),
        "value": [number(v) for v in curve.series.value.tolist()],
    }


def number(value: float | None) -> float | str | None:
    """A float; NaN and the infinities as "nan", "inf" and "-inf"."""
    if value is None:
        return None
    value = float(value)
    return value if math.isfinite(value) else str(value)


def plain(value: Any) -> Any:
    """A parameter or hyper-parameter as JSON has it; whole numbers as integers."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    if not isinstance(value, float):
        return value
    return int(value) if value.is_integer() and abs(value) < 2**53 else number(value)


def pretty(value: Any, indent: str = "") -> str:
    """JSON text in which only lists of plain values share a line; ASCII, so any file takes it."""
    deeper = indent + "  "
    if isinstance(value, Mapping) and value:
        return _block("{}", (f"{_text(k)}: {pretty(v, deeper)}" for k, v in value.items()), indent)
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        return _block("[]", (pretty(item, deeper) for item in value), indent)
    return _text(value)


def _block(brackets: str, lines: Iterable[str], indent: str) -> str:
    body = ",\n".join(f"{indent}  {line}" for line in lines)
    return f"{brackets[0]}\n{body}\n{indent}{brackets[1]}"


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
