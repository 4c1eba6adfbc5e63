"""The sample runs show what their README says, and are what their script makes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from lrdoctor.api import analyze
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Severity
from lrdoctor.verdict import Rule

ROOT = Path(__file__).parent.parent / "sample_runs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAIRS = re.findall(r"^\| `([\w-]+)` \| `([\w-]+)` \|", README, re.MULTILINE)
HEALTHY = re.findall(r"^\| `([\w-]+)` \| (?!`)", README, re.MULTILINE)
CODES = {
    "unfreeze-collapse": "LRD601",
    "backbone-lr-tiny": "LRD601",
    "onecycle-wrong-peak": "LRD201",
    "onecycle-wrong-pct": "LRD201",
    "decay-too-fast": "LRD301",
    "step-per-batch": "LRD301",
    "linear-horizon-short": "LRD301",
    "multistep-spike": "LRD401",
    "plateau-never-reduced": "LRD402",
}


def folders() -> set[str]:
    return {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith("_")}


def test_every_run_is_in_the_readme() -> None:
    assert {name for pair in PAIRS for name in pair} | set(HEALTHY) == folders()
    assert {wrong for wrong, _ in PAIRS} == set(CODES)


def test_they_are_small() -> None:
    assert sum(p.stat().st_size for p in ROOT.rglob("*") if p.is_file()) < 5_000_000


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_fault_is_found_and_corrected(name: str) -> None:
    (diagnosis,) = analyze(ROOT / name).diagnoses
    assert [f.rule.code for f in diagnosis.findings] == [CODES[name]]
    assert diagnosis.findings[0].severity.rank >= Severity.WARNING.rank
    assert any(CODES[name] in c.resolves and not c.introduces for c in diagnosis.candidates)


@pytest.mark.parametrize("name", sorted({right for _, right in PAIRS} | set(HEALTHY)))
def test_a_healthy_run_is_left_in_peace(name: str) -> None:
    (diagnosis,) = analyze(ROOT / name).diagnoses
    assert diagnosis.judged
    assert diagnosis.findings == ()


@pytest.mark.parametrize("rule", load_rulebook().rules, ids=lambda r: r.code)
def test_a_rule_keeps_to_its_examples(rule: Rule) -> None:
    for path, fires in ((rule.fires, True), (rule.quiet, False)):
        (diagnosis,) = analyze(ROOT.parent / path).diagnoses
        assert (rule.code in {f.rule.code for f in diagnosis.findings}) is fires, path


def test_the_script_makes_them() -> None:
    pytest.importorskip("torch")
    from benchmarks.accuracy.lab import train
    from sample_runs.make import SAMPLES

    assert {sample.name for sample in SAMPLES} == folders()
    sample = next(s for s in SAMPLES if s.name == "early-stopped")
    scene = sample.scene(np.random.default_rng(sample.seed))
    loss = train(scene.task, scene.recipe, sample.seed).loss
    rows = map(json.loads, (ROOT / sample.name / "log.jsonl").read_text().splitlines())
    logged = [row["loss"] for row in rows if "loss" in row]
    # Other processors and versions of torch round differently; the training stays the same.
    np.testing.assert_allclose(logged, loss, rtol=0.02)
