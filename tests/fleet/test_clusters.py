"""Clusters: one rule, one factor, one script or part of the tree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lrdoctor.fleet.clusters import Cluster, OpenFinding, clusters, factor_of


def a_finding(name: str, number: int = 0, **other: Any) -> OpenFinding:
    measured = other.pop("measured", {"factor": [8.0, ""]})
    values: dict[str, Any] = {
        "run": number or hash(name),
        "name": name,
        "project": name.rpartition("/")[0] or "root",
        "script": "",
        "rule": "horizon-short-by-factor",
        "code": "LRD501",
        "severity": "error",
        "message": f"{name} is short",
        "body": json.dumps({"measured": measured, "fix": "do so"}),
        "first_scan": 1,
    }
    return OpenFinding(**{**values, **other})


def test_runs_of_one_script_with_one_factor_are_one_cluster() -> None:
    runs = [a_finding(f"team/exp{n}/v0", script="train.py") for n in range(37)]
    (made,) = clusters(runs)
    assert made.sentence == "37 runs from train.py share horizon-short-by-factor (factor 8)"
    assert (made.code, made.fix, made.message) == ("LRD501", "do so", "team/exp0/v0 is short")


@pytest.mark.parametrize(
    "other",
    [
        {"measured": {"factor": [4.0, ""]}},
        {"script": "eval.py"},
        {"severity": "warning"},
        {"code": "LRD502"},
    ],
)
def test_what_differs_stands_apart(other: dict[str, Any]) -> None:
    runs = [a_finding(f"team/r{n}", script="train.py") for n in range(3)]
    made = clusters([*runs, a_finding("team/r9", **{"script": "train.py", **other})])
    assert sorted(len(c.runs) for c in made) == [1, 3]


def places(*names: str) -> list[str]:
    return sorted(c.place for c in clusters([a_finding(n) for n in names]))


def test_without_a_script_the_top_folder_decides() -> None:
    assert places("a/x/1", "a/x/2", "b/1", "b/2") == ["a/x", "b"]
    assert places("a/x/1", "a/y/2") == ["a"]
    assert places("1", "2") == ["root"], "runs right under the root"


def test_worst_and_largest_come_first() -> None:
    small = [a_finding(f"a/{n}", severity="warning") for n in range(5)]
    made = clusters([*small, a_finding("b/1"), a_finding("c/1"), a_finding("c/2")])
    assert [(c.severity, len(c.runs)) for c in made] == [
        ("error", 2), ("error", 1), ("warning", 5),
    ]  # fmt: skip


def test_what_was_measured_alike_is_told() -> None:
    def shared(count: int, **odd: Any) -> tuple[str, ...]:
        runs = [
            a_finding(f"a/{n}", measured={"epochs": [40.0, "epochs"], "lr": [0.1 * n + 0.1, ""]})
            for n in range(count)
        ]
        return one(clusters(runs)).shared

    assert shared(5) == ("epochs 40 epochs",)
    assert shared(2) == (), "two runs are no pattern"


def one(made: list[Cluster]) -> Cluster:
    assert len(made) == 1
    return made[0]


@pytest.mark.parametrize(
    ("measured", "factor"),
    [
        ({"factor": [8.0, ""]}, "factor 8"),
        ({"factor": [0.1251, ""]}, "factor 1/8"),
        ({"ratio": [3.919, ""], "accumulation": [4.0, ""]}, "accumulation 4"),
        ({"pct_start": [0.3, ""]}, "pct start 0.3"),
        ({"ratio": [3.4211995, ""]}, ""),
        ({"ratio": [0.0, ""]}, ""),
        ({"ratio": ["inf", ""]}, ""),
        ({"ratio": [1e30, ""]}, ""),
        ({"factor": [-8.0, ""]}, ""),
        ({}, ""),
    ],
)
def test_factor(measured: dict[str, Any], factor: str) -> None:
    assert factor_of(json.dumps({"measured": measured})) == factor


def test_body_of_an_older_scan_has_no_factor() -> None:
    assert factor_of("{}") == "" and factor_of("") == ""
