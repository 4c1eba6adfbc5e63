"""Schedules as text, picture and page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from lrdoctor.case import build_case
from lrdoctor.planning import make_plan
from lrdoctor.reports._fit_text import fit_text
from lrdoctor.reports._format import lr_text
from lrdoctor.reports._plan_text import plan_text
from lrdoctor.reports._schedule_page import page, svg
from lrdoctor.reports._schedule_text import show
from lrdoctor.schedules._parse import parse_schedule
from lrdoctor.types import Run, Series

TEXTS = (
    "cosine(lr=1e-3, T_max=9500, eta_min=1e-6, warmup=500)",
    "cosine(lr=1e-3, T_max=9000, eta_min=1e-6, warmup=1000)",
    "onecycle(max_lr=1e-3, total_steps=10000, pct_start=0.2)",
    "multistep(lr=1e-3, milestones=[3000, 6000])",
    "exponential(lr=1e-3, gamma=0.999)",
    "constant(lr=1e-4)",
)
SCHEDULES = [parse_schedule(text) for text in TEXTS]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0853568, "0.08536"), (9.3308e-4, "9.331e-4"), (4e-7, "4e-7"), (0.0, "0"), (0.1, "0.1"),
     (5.92053e-4, "5.921e-4"), (float("inf"), "inf"), (-2e-5, "-2e-5")],
)  # fmt: skip
def test_lr_text(value: float, text: str) -> None:
    assert lr_text(value) == text


@pytest.mark.parametrize("count", range(1, 7))
@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("per_epoch", [None, 500.0])
def test_text_fits_and_shows_every_schedule(
    count: int, width: int, per_epoch: float | None
) -> None:
    text = show(SCHEDULES[:count], 10_000, per_epoch, width)
    assert max(map(len, text.splitlines())) <= width
    assert "9.331e-4" in text or count == 1
    for letter in "ABCDEF"[:count] if count > 1 else "":
        assert re.search(rf"^\s+step.*\b{letter}\b", text, re.MULTILINE)


def test_svg_stands_alone() -> None:
    root = ET.fromstring(svg(SCHEDULES, 10_000, 500.0))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    paths = [p for p in root.iter("{http://www.w3.org/2000/svg}path") if p.get("d")]
    assert len(paths) == len(SCHEDULES)
    told = " ".join(root.itertext())
    assert "epoch" in told and "onecycle(max_lr=0.001" in told


def test_page_needs_no_network_and_has_table_and_code() -> None:
    text = page(SCHEDULES[:2], 10_000, None)
    assert not re.search(r"(src|href)\s*=\s*[\"']?https?:", text)
    assert "9.331e-4" in text and "CosineAnnealingLR(" in text
    assert "Content-Security-Policy" in text and "<script src" not in text


def test_curves_without_a_finite_value_are_no_crash() -> None:
    wild = [parse_schedule("exponential(lr=1e200, gamma=1e200)")]
    assert "inf" in show(wild, 100, None, 80)
    ET.fromstring(svg(wild, 100, None))


def a_run(**curves: list[float]) -> Run:
    series = {tag: Series(tag, np.arange(len(v)), v) for tag, v in curves.items()}
    return Run("runs/a", ("a.csv",), "csv", "step", series)


def test_fit_tells_groups_that_differ_by_a_factor_once() -> None:
    lr = parse_schedule("cosine(lr=0.1, T_max=400, eta_min=1e-4)").lr(np.arange(400.0))
    text = fit_text(build_case(a_run(**{"lr/head": lr, "lr/body": 0.1 * lr})), 80)
    assert text.count("cosine(lr=") == 1 and "10 times the LR of" in text
    assert text.count("scheduler = LambdaLR(") == 1
    assert max(map(len, text.splitlines())) <= 80


def test_fit_shows_what_a_name_leaves_over() -> None:
    lr = parse_schedule("linear(lr=0.1, total_steps=400)").lr(np.arange(400.0))
    lr += 1e-3 * np.sin(np.arange(400.0))
    text = fit_text(build_case(a_run(lr=lr)), 80)
    assert "logged - fitted, % of the largest LR" in text


def test_fit_without_an_lr() -> None:
    assert "no learning rate" in fit_text(build_case(a_run(train_loss=[3.0, 2.0, 1.0])), 80)


@pytest.mark.parametrize("schedule", [None, "onecycle", "cosine", "polynomial(power=0.9)"])
def test_plan_fits_the_terminal(schedule: str | None) -> None:
    flags = {"dataset_size": "50000", "batch_size": "128", "epochs": "100", "lr": "0.1",
             "warmup_ratio": "0.05"}  # fmt: skip
    made = make_plan(flags, {}, schedule)
    text = plan_text(made, drop_last=False, from_config={"epochs": "100"})
    assert max(map(len, text.splitlines())) <= 80
    assert "39,100" in text and "from the configuration: epochs=100" in text
