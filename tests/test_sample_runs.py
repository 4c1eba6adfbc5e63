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
PAIRS = re.findall(r"^\| `([\w-]+)` \| `([\w-]+)` \| (LRD\d+) \|", README, re.MULTILINE)
HEALTHY = re.findall(r"^\| `([\w-]+)` \| (?!`)", README, re.MULTILINE)
CODES = {wrong: code for wrong, _, code in PAIRS}
RULES = {rule.code: rule for rule in load_rulebook().rules}


def folders() -> set[str]:
    return {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith("_")}


def test_every_run_is_in_the_readme() -> None:
    assert {n for wrong, right, _ in PAIRS for n in (wrong, right)} | set(HEALTHY) == folders()
    assert set(CODES.values()) <= set(RULES)


def test_they_are_small() -> None:
    sizes = {p: p.stat().st_size for p in ROOT.rglob("*") if p.is_file()}
    assert sum(sizes.values()) < 5_000_000
    assert max(sizes.values()) < 300_000


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_fault_is_found_named_and_corrected(name: str) -> None:
    """It is found as what it is, and no other rule raises an alarm over the same run."""
    diagnoses = analyze(ROOT / name).diagnoses
    code = CODES[name]
    found = {f.rule.code: f for d in diagnoses for f in d.findings}
    loud = {c for c, f in found.items() if f.severity.rank >= Severity.WARNING.rank}
    assert code in found and loud <= {code}
    assert code in loud or RULES[code].severity is Severity.INFO
    candidates = [c for d in diagnoses for c in d.candidates]
    if RULES[code].fixes and any(code in c.answers for c in candidates):
        assert any(code in c.resolves and not c.introduces for c in candidates)


@pytest.mark.parametrize("name", sorted({right for _, right, _ in PAIRS} | set(HEALTHY)))
def test_a_healthy_run_is_left_in_peace(name: str) -> None:
    (diagnosis,) = analyze(ROOT / name).diagnoses
    assert diagnosis.judged
    assert [f.message for f in diagnosis.findings if f.severity is not Severity.INFO] == []


@pytest.mark.parametrize("rule", load_rulebook().rules, ids=lambda r: r.code)
def test_a_rule_keeps_to_its_examples(rule: Rule) -> None:
    for path, fires in ((rule.fires, True), (rule.quiet, False)):
        diagnoses = analyze(ROOT.parent / path).diagnoses
        assert (rule.code in {f.rule.code for d in diagnoses for f in d.findings}) is fires, path


def test_the_script_makes_them() -> None:
    pytest.importorskip("torch")
    from sample_runs.make import SAMPLES, readme

    assert {sample.name for sample in SAMPLES} == folders()
    assert readme(README) == README
    sample = next(s for s in SAMPLES if s.name == "early-stopped")
    scene = sample.scene(np.random.default_rng(sample.seed))
    loss = scene.trained(sample.seed).loss
    rows = map(json.loads, (ROOT / sample.name / "log.jsonl").read_text().splitlines())
    logged = [row["loss"] for row in rows if "loss" in row]
    # Other processors and versions of torch round differently; the training stays the same.
    np.testing.assert_allclose(logged, loss, rtol=0.02)
