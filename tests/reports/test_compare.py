from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lrdoctor.reports._compare import MOST_RUNS, against_lr, compare
from lrdoctor.reports._compare_page import MOST_DRAWN, page
from lrdoctor.reports._compare_text import text
from lrdoctor.reports._format import cells
from lrdoctor.types import ClockUnit, Role, Series
from lrdoctor.verdict import Curve, Diagnosis, GroupSchedule
from tests.reports.hostile import NAMES, hostile_run
from tests.reports.sample_report import (
    diverged,
    healthy,
    late_peak,
    loss_jump,
    schedule,
    without_lr,
)
from tests.reports.test_html import Page

STEP = np.arange(0, 101)


def member(name: str, lr: float, end: float, **settings: object) -> Diagnosis:
    """A run at a constant LR over 100 steps whose loss falls from 2 to ``end`` in a line."""
    rate = Series("lr", STEP, np.full(len(STEP), lr))
    loss = Series("loss", STEP, np.linspace(2.0, end, len(STEP)))
    return replace(
        healthy(),
        run=name,
        first=0,
        last=100,
        schedules=(GroupSchedule("lr", "lr", schedule("constant", {"lr": lr})),),
        curves=(Curve(Role.LR, "lr", rate, "lr"), Curve(Role.TRAIN_LOSS, "loss", loss)),
        hparams=settings,
    )


def test_run_with_the_lowest_end_comes_first() -> None:
    seen = compare([member("a", 0.1, 0.5), member("b", 0.2, 0.3)])
    assert [(m.letter, m.name) for m in seen.members] == [("A", "b"), ("B", "a")]
    assert seen.judged_by is Role.TRAIN_LOSS
    assert seen.members[0].ends[Role.TRAIN_LOSS] == pytest.approx(0.3 + 2 * 0.017, abs=1e-6)
    assert seen.members[0].best[Role.TRAIN_LOSS] == pytest.approx(0.3)
    assert seen.verdict == (
        "Of 2 runs, A ends with the lowest training loss, 0.334 (B: 0.53); they differ in lr."
    )


def test_what_differs_is_told_apart_from_what_is_the_same() -> None:
    seen = compare([member("a", 0.1, 0.5, batch=32, seed=1), member("b", 0.1, 0.4, batch=32)])
    assert [(r.name, r.values) for r in seen.different] == [("seed (set)", ("–", "1"))]
    assert ("lr", ("0.1", "0.1")) in [(r.name, r.values) for r in seen.same]
    assert ("batch (set)", ("32", "32")) in [(r.name, r.values) for r in seen.same]


def test_lr_spent_is_the_area_under_the_lr() -> None:
    (one, _) = compare([member("a", 0.25, 0.3), member("b", 0.25, 0.4)]).members
    assert one.spent == pytest.approx(0.25 * 100)
    curve = against_lr(one, Role.TRAIN_LOSS)
    assert curve is not None
    np.testing.assert_allclose(curve[0], 0.25 * STEP)
    assert against_lr(one, Role.VAL_LOSS) is None


def test_loss_that_ends_in_nan_is_last() -> None:
    broken = member("a", 0.1, 0.0)
    loss = np.linspace(2.0, 0.0, len(STEP))
    loss[-3:] = np.nan
    curves = (broken.curves[0], Curve(Role.TRAIN_LOSS, "loss", Series("loss", STEP, loss)))
    seen = compare([replace(broken, curves=curves), member("b", 0.1, 1.0)])
    assert [m.name for m in seen.members] == ["b", "a"]


def test_validation_loss_judges_where_all_have_it() -> None:
    a, b = late_peak(), replace(late_peak(), run="b")
    assert compare([a, b]).judged_by is Role.VAL_LOSS
    assert compare([a, member("b", 0.1, 0.3)]).judged_by is Role.TRAIN_LOSS


def test_runs_without_a_common_loss_are_not_ranked() -> None:
    only_val = replace(
        member("v", 0.1, 0.2),
        curves=(Curve(Role.VAL_LOSS, "val", Series("val", STEP, np.ones(len(STEP)))),),
    )
    seen = compare([member("a", 0.1, 0.5), only_val])
    assert seen.judged_by is None
    assert seen.verdict.startswith("2 runs: ")
    assert "The runs log no loss of one kind, so none is called better." in seen.notes


def test_steps_and_epochs_meet_on_an_axis_of_epochs() -> None:
    steps = replace(member("a", 0.1, 0.5), steps_per_epoch=10.0)
    epochs = replace(member("b", 0.1, 0.4), unit=ClockUnit.EPOCH, steps_per_epoch=1.0)
    seen = compare([steps, epochs])
    assert seen.noun == "epoch"
    by_name = {m.name: m for m in seen.members}
    assert by_name["a"].lr is not None and by_name["a"].lr[0][-1] == 10.0
    assert by_name["b"].lr is not None and by_name["b"].lr[0][-1] == 100.0
    unknown = compare([replace(steps, steps_per_epoch=None), epochs])
    assert unknown.notes == ("Runs are logged in epochs and steps: x is each run's own count.",)


def test_page_overlays_schedules_and_losses() -> None:
    html = Page(page(compare([member("a", 0.1, 0.5), member("b", 0.2, 0.3)])))
    shown = " ".join(html.text.split())
    assert "Schedules and training loss over steps" in shown
    assert "Training loss over the LR spent" in shown
    assert "Who differs in what" in shown
    labels = html.values("data-label")
    assert labels.count("A b") == labels.count("B a") == 3
    assert "last step" not in shown[shown.index("Who differs") : shown.index("The same in all")]


def test_more_runs_than_colours_are_listed_and_counted() -> None:
    many = [member(f"run{i}", 0.1, 0.3 + i / 100) for i in range(MOST_RUNS + 2)]
    seen = compare(many)
    assert len(seen.members) == MOST_RUNS
    shown = page(seen)
    assert "2 more runs left out." in shown
    assert f"Drawn are the {MOST_DRAWN} best; I and later are not." in shown
    assert "run25" in shown


@pytest.mark.parametrize("width", [60, 80, 120])
def test_text_fits_its_width(width: int) -> None:
    runs = [late_peak(), loss_jump(), diverged(), healthy(), without_lr()]
    shown = text(compare(runs), width)
    assert max(map(cells, shown.splitlines())) <= width


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_stay_text(name: str) -> None:
    runs = [hostile_run(name), replace(hostile_run(name), hparams={name: "other"})]
    plain = Page(page(compare([late_peak(), replace(late_peak(), hparams={"a": "b"})])))
    html = Page(page(compare(runs)))
    assert {tag for tag, _ in html.tags} <= {tag for tag, _ in plain.tags}
    assert html.raw == plain.raw
    assert "\x1b" not in text(compare(runs))
