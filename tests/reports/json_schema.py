"""The JSON contract, version 1, as a strict schema: every field is known and has one type."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
INTEGER: Schema = {"type": "integer"}
INTEGER_OR_NULL: Schema = {"type": ["integer", "null"]}
NUMBER: Schema = {"anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]}
NUMBER_OR_NULL: Schema = {"anyOf": [NUMBER, {"type": "null"}]}
SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}


def one_of(*values: str) -> Schema:
    return {"enum": list(values)}


def listed(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def mapping(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


def record(**fields: Schema) -> Schema:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


PARAMETERS = mapping({"anyOf": [SCALAR, listed(NUMBER)]})
QUANTITY = record(value=NUMBER, unit=STRING)
PAIR: Schema = {
    "anyOf": [{"type": "null"}, {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}]
}
NOTE = record(kind=STRING, file=TEXT_OR_NULL, step=INTEGER_OR_NULL, message=STRING)
SEGMENT = record(start=NUMBER, stop=NUMBER, shape=STRING, parameters=PARAMETERS, residual=NUMBER)
SCHEDULE_FIELDS = {
    "name": TEXT_OR_NULL,
    "parameters": PARAMETERS,
    "start": INTEGER,
    "stop": INTEGER,
    "origin": NUMBER,
    "residual": NUMBER,
    "logged": one_of("used", "next", "unknown"),
    "began": STRING,
    "alternatives": listed(record(name=STRING, reason=STRING)),
    "segments": listed(SEGMENT),
}
CURVE = record(
    role=STRING,
    tag=STRING,
    param_group=TEXT_OR_NULL,
    step=listed(INTEGER),
    value=listed(NUMBER),
)
SEVERITY = one_of("info", "warning", "error")
CONFIDENCE = one_of("low", "medium", "high")
RESULT = record(
    code={"type": "string", "pattern": r"^LRD\d{3}$"},
    name=STRING,
    status=one_of("passed", "found", "not_applicable", "suppressed", "failed"),
    severity=SEVERITY,
    confidence=CONFIDENCE,
    param_group=TEXT_OR_NULL,
    start=INTEGER_OR_NULL,
    stop=INTEGER_OR_NULL,
    message=TEXT_OR_NULL,
    measured=mapping(QUANTITY),
    cause=TEXT_OR_NULL,
    reason=TEXT_OR_NULL,
    fingerprint=TEXT_OR_NULL,
    tags=listed(STRING),
    detail=STRING,
    revision=STRING,
    traceback=TEXT_OR_NULL,
    known_since=TEXT_OR_NULL,
)
BAND = record(step=listed(NUMBER), loss=listed(NUMBER), low=listed(NUMBER), high=listed(NUMBER))
OUTCOME = record(
    level=one_of("dry_run", "law", "proxy", "user"),
    grade={"enum": ["A", "B", "C", "D", None]},
    refused=TEXT_OR_NULL,
    verdict={"enum": ["better", "worse", "no effect", None]},
    baseline_loss=NUMBER_OR_NULL,
    loss=NUMBER_OR_NULL,
    interval=PAIR,
    gain_interval=PAIR,
    seeds=INTEGER_OR_NULL,
    device=TEXT_OR_NULL,
    seconds=NUMBER_OR_NULL,
    assumptions=listed(STRING),
    band={"anyOf": [BAND, {"type": "null"}]},
    probe=STRING,
)
CANDIDATE = record(
    fix=STRING,
    title=STRING,
    disposition=one_of("safe", "review"),
    schedules=mapping(record(**SCHEDULE_FIELDS)),
    diff=STRING,
    code=mapping(STRING),
    resolves=listed(STRING),
    introduces=listed(STRING),
    outcomes=listed(OUTCOME),
    curves=listed(CURVE),
    **{"for": listed(STRING)},
)
RULE = record(
    code=STRING,
    name=STRING,
    category=STRING,
    title=STRING,
    severity=SEVERITY,
    confidence=CONFIDENCE,
    detector=STRING,
    message=STRING,
    why=STRING,
    harmless=STRING,
    fixes=listed(STRING),
    references=listed(STRING),
    thresholds=mapping(record(value=NUMBER, unit=STRING, source=STRING)),
    fires=STRING,
    quiet=STRING,
)
RUN = record(
    path=STRING,
    files=listed(STRING),
    format=STRING,
    steps=record(
        first=INTEGER,
        last=INTEGER,
        unit=one_of("optimizer_step", "batch", "epoch"),
        planned=INTEGER_OR_NULL,
        finished={"type": ["boolean", "null"]},
        per_epoch=NUMBER_OR_NULL,
    ),
    roles=record(
        lr=listed(STRING),
        train_loss=TEXT_OR_NULL,
        val_loss=TEXT_OR_NULL,
        epoch=TEXT_OR_NULL,
        metric=TEXT_OR_NULL,
        grad_norm=TEXT_OR_NULL,
    ),
    role_tags=mapping(listed(STRING)),
    restarts=listed(
        record(step=INTEGER, discarded=INTEGER, file=TEXT_OR_NULL, gap_seconds=NUMBER_OR_NULL)
    ),
    schedules=listed(
        record(param_group=STRING, tag=STRING, code=mapping(STRING), **SCHEDULE_FIELDS)
    ),
    results=listed(RESULT),
    candidates=listed(CANDIDATE),
    notes=listed(NOTE),
    hparams=mapping(SCALAR),
    curves=listed(CURVE),
)
REPORT = record(
    format={"const": "lrdoctor-report"},
    format_version={"const": 1},
    lrdoctor=record(
        version=STRING,
        rulebook_digest=STRING,
        arguments=listed(STRING),
        fail_on=one_of("error", "warning", "info", "never"),
        baseline=TEXT_OR_NULL,
    ),
    summary=record(
        runs=INTEGER,
        findings=record(error=INTEGER, warning=INTEGER, info=INTEGER),
        suppressed=INTEGER,
        known=INTEGER_OR_NULL,
        unreadable=INTEGER,
        files_found=INTEGER,
        judged=INTEGER,
        not_judgeable=INTEGER,
        failed_checks=INTEGER,
    ),
    unreadable=listed(record(path=STRING, reason=STRING)),
    rules=listed(RULE),
    notes=listed(NOTE),
    runs=listed(RUN),
)
