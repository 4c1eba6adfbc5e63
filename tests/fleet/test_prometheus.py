"""Metrics, read back by Prometheus' own parser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from lrdoctor.fleet.prometheus import metrics
from lrdoctor.fleet.records import LogRecord, judge_log
from lrdoctor.fleet.state_file import open_store, read_store
from tests.fleet.fleets import OLD, job, scan_here, write_fleet, write_run


def samples(state: Path, name: str = "fleet", failed: bool = False) -> dict[str, list[object]]:
    with read_store(str(state)) as store:
        text = metrics(store, name, failed)
    assert text.endswith("\n")
    found: dict[str, list[object]] = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge" and family.documentation
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if k != "state"}
            assert sample.labels["state"] == name
            key = sample.name.removeprefix("lrdoctor_")
            found.setdefault(key, []).append((labels, sample.value) if labels else sample.value)
    return found


def test_metrics_follow_the_scans(tmp_path: Path) -> None:
    state, fleet = tmp_path / "s.sqlite", tmp_path / "runs"
    write_fleet(fleet, 6)
    scan_here(state, fleet, function=dies_at("run001"))
    labels = {"rule": "schedule-exhausted", "code": "LRD304", "severity": "error"}
    first = samples(state, failed=True)
    assert first["findings"] == [(labels, 2.0)] and first["new_findings"] == [(labels, 2.0)]
    assert first["runs"] == [5.0] and first["unreadable"] == [1.0]
    assert first["webhook_failed"] == [1.0]
    with read_store(str(state)) as store:
        ((finished,),) = store.rows("SELECT finished FROM scan")
    assert abs(first["last_success_timestamp_seconds"][0] - finished) < 0.001  # type: ignore
    for run in (0, 3):
        write_run(fleet / f"project0/run00{run}", at=OLD + 1)
    scan_here(state, fleet)
    assert samples(state)["findings"] == [(labels, 0.0)], "zero, not absent"


def dies_at(run: str) -> Callable[[Any], LogRecord]:
    def judged(task: Any) -> LogRecord:
        return LogRecord(reason="its worker died") if run in repr(task) else judge_log(task, job())

    return judged


def test_no_label_is_a_run_and_names_are_escaped(tmp_path: Path) -> None:
    state, name = tmp_path / "s.sqlite", 'a"b\\c\nd'
    write_fleet(tmp_path / "runs", 6)
    scan_here(state, tmp_path / "runs")
    with read_store(str(state)) as store:
        assert "run0" not in metrics(store, name)
    assert samples(state, name)["runs"] == [6.0]


def test_state_without_a_finished_scan_names_no_success(tmp_path: Path) -> None:
    state = tmp_path / "s.sqlite"
    with open_store(str(state)) as (store, _):
        store.begin_scan(["/r"], "", "d")
    found = samples(state)
    assert found["runs"] == [0.0] and "last_success_timestamp_seconds" not in found
