"""A scan as metrics for Prometheus: a text file that node_exporter's textfile collector reads.

https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4). No metric has a
label per run: their number stays that of the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lrdoctor.fleet.history import scans
from lrdoctor.fleet.store import Store
from lrdoctor.fleet.trends import unjudged

_Sample = tuple[dict[str, str], float]


def metrics(store: Store, state: str, webhook_failed: bool = False) -> str:
    """The last finished scan; ``state`` tells files of several scans on one machine apart."""
    lines: list[str] = []
    for name, told, samples in _metrics(store, webhook_failed):
        lines += [f"# HELP lrdoctor_{name} {told}", f"# TYPE lrdoctor_{name} gauge"]
        lines += [f"lrdoctor_{name}{_labels(labels, state)} {_value(v)}" for labels, v in samples]
    return "".join(f"{line}\n" for line in lines)


def _metrics(store: Store, webhook_failed: bool) -> Iterator[tuple[str, str, Sequence[_Sample]]]:
    latest = scans(store, 1)
    before = store.last_finished(latest[-1].id) if latest else 0
    counted = store.rows(
        "SELECT rule, code, severity, sum(state = 'open'), sum(state = 'open' AND first_scan > ?) "
        "FROM finding GROUP BY rule, code, severity ORDER BY code, severity",
        (before,),
    )
    # A rule keeps its line at zero: a series that stops reads like a scan that failed.
    keys = [{"code": code, "rule": rule, "severity": how} for rule, code, how, _, _ in counted]
    rows = [row[3:] for row in counted]
    yield (
        "findings",
        "Open findings by rule and severity.",
        [(key, row[0]) for key, row in zip(keys, rows, strict=True)],
    )
    yield (
        "new_findings",
        "Open findings that the last scan saw first.",
        [(key, row[1]) for key, row in zip(keys, rows, strict=True)],
    )
    ((runs,),) = store.rows(
        "SELECT count(*) FROM run r JOIN log l ON l.id = r.log WHERE l.state = 'read'"
    )
    yield "runs", "Runs in the logs that could be read.", [({}, runs)]
    yield "runs_not_judgeable", "Runs that no rule could be applied to.", [({}, unjudged(store))]
    yield "webhook_failed", "1 if the last message was not taken.", [({}, int(webhook_failed))]
    for scan in latest:
        took = scan.finished - scan.started
        yield "last_success_timestamp_seconds", "When the last scan ended.", [({}, scan.finished)]
        yield "scan_duration_seconds", "How long the last scan took.", [({}, took)]
        yield "unreadable", "Logs and folders that could not be read.", [({}, scan.unreadable)]
        yield "logs_read", "Logs that the last scan read.", [({}, scan.judged)]


def _labels(labels: dict[str, str], state: str) -> str:
    pairs = {**labels, "state": state}
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _value(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
