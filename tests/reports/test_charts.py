from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from lrdoctor.reports._axes import Axis
from lrdoctor.reports._charts import figure, sparkline
from lrdoctor.reports._panels import BOX, Figure, Line, path
from lrdoctor.reports._plot import plot
from lrdoctor.types import Role, Series
from lrdoctor.verdict import Curve, Diagnosis
from tests.reports.sample_report import diverged, late_peak, loss_jump, without_lr

COORDINATES = re.compile(r"([Ml])(-?\d+) (-?\d+)")


def points(data: str) -> list[tuple[float, float]]:
    """Absolute vertices of path data."""
    here, result = (0, 0), []
    for kind, x, y in COORDINATES.findall(data):
        here = (int(x), int(y)) if kind == "M" else (here[0] + int(x), here[1] + int(y))
        result.append(here)
    return result


def drawn(run: Diagnosis, with_finding: bool = True) -> Figure:
    finding = run.findings[0] if with_finding else None
    fix = run.candidates[-1] if with_finding and run.candidates else None
    result = figure(run, finding, fix)
    assert result is not None
    return result


def line(fig: Figure, kind: str) -> Line:
    return next(x for panel in fig.panels for x in panel.lines if x.kind == kind)


def test_path_vertices_lie_on_the_curve() -> None:
    step = np.arange(0, 9000, 30.0)
    value = 0.01 * (1.001 + np.cos(np.pi * step / 9000))
    up = Axis(1e-6, 0.03, log=True)
    vertices = points(path(step, value, Axis(0, 9000, log=False), up, 190, 480))
    x, y = np.array(vertices, dtype=float).T
    wanted = 10 * 190 * (1 - np.interp(x / BOX * 9000, step, up.place(value)))
    assert np.max(np.abs(y - wanted)) < 10 * 0.5
    assert len(vertices) < 60


def test_finding_is_shaded_where_its_span_is() -> None:
    fig = drawn(late_peak())
    assert fig.shade == pytest.approx((100 * 1800 / 8970, 100 * 900 / 8970), abs=0.01)
    assert fig.shade_label == "steps 1,800–2,700"


def test_param_group_of_the_finding_is_solid_others_dashed_corrections_dotted() -> None:
    run = late_peak()
    flipped = replace(run, curves=tuple(reversed(run.curves)))
    fig = drawn(flipped)
    assert [(x.kind, x.label) for x in fig.panels[0].lines] == [
        ("lr", "lr/head"),
        ("other1", "lr/backbone"),
        ("fix", "corrected lr/head"),
        ("fix2", "corrected lr/backbone"),
    ]
    assert [x.kind for x in fig.panels[1].lines] == ["train", "val", "predicted"]


def test_predicted_loss_is_drawn_with_its_interval_from_where_the_laws_hold() -> None:
    run = late_peak()
    dry, law = run.candidates[0].outcomes
    assert law.band is not None
    early = replace(law.band, loss=np.array([50.0, 0.6131, 0.4187]))
    fix = replace(run.candidates[0], outcomes=(dry, replace(law, band=early)))
    fig = figure(run, run.findings[0], fix)
    assert fig is not None
    loss = fig.panels[1]
    told = line(fig, "predicted")
    assert told.steps == "4500 4500"
    assert told.values == "0.6131(0.604–0.6228) 0.4187(0.4101–0.4266)"
    assert loss.area is not None and loss.area.label == "its 90 % interval (loss law)"
    assert loss.area.path.count("L") == 3 and loss.area.path.endswith("Z")
    x, y = points(told.path)[-1]
    assert x == BOX
    corners = [tuple(map(int, c.split())) for c in loss.area.path[1:-1].split("L")]
    assert min(v for u, v in corners if u == x) < y < max(v for u, v in corners if u == x)


def test_loss_of_a_proxy_is_not_drawn_over_the_logged_one() -> None:
    run = late_peak()
    law = run.candidates[0].outcomes[1]
    fix = replace(run.candidates[0], outcomes=(replace(law, level="proxy"),))
    fig = figure(run, run.findings[0], fix)
    assert fig is not None and fig.panels[1].area is None
    assert [x.kind for x in fig.panels[1].lines] == ["train", "val"]


def test_loss_of_zero_keeps_the_log_axis_and_has_its_tick() -> None:
    run = diverged()
    loss = replace(run.curves[1], series=Series("loss", np.arange(4), np.array([2.0, 1e3, 0, 0])))
    fig = figure(replace(run, curves=(run.curves[0], loss)))
    assert fig is not None
    assert fig.panels[1].title == "loss, log axis"
    assert fig.panels[1].ticks[0].label == "0"
    negative = replace(loss, series=Series("loss", np.arange(3), np.array([2.0, 1.0, -3.0])))
    fig = figure(replace(run, curves=(run.curves[0], negative)))
    assert fig is not None and fig.panels[1].title == "loss, linear axis"


def test_values_under_the_pointer_are_points_of_the_log() -> None:
    run = late_peak()
    shown = line(drawn(run), "lr")
    series = run.curves[0].series
    logged = dict(zip(series.step.tolist(), series.value.tolist(), strict=True))
    steps = np.cumsum([int(s) for s in shown.steps.split()])
    for step, value in zip(steps.tolist(), shown.values.split(), strict=True):
        assert float(value) == pytest.approx(logged[step], rel=1e-3)


def test_nan_and_infinity_are_marked_and_said() -> None:
    fig = drawn(diverged())
    marks = fig.panels[1].marks
    assert [m.label for m in marks] == ["NaN", "inf"]
    assert marks[0].left == pytest.approx(100 * 31 / 39, abs=0.01)
    assert fig.notes == ("loss: 7 shown values are NaN or inf, first at 31.",)
    assert "NaN" in line(fig, "train").values.split()
    assert line(fig, "train").path.count("M") == 2


def test_epoch_axis_only_where_steps_are_not_epochs() -> None:
    assert [t.label for t in drawn(late_peak()).epochs] == ["0", "20", "40", "60", "80"]
    assert drawn(diverged()).epochs == ()
    assert drawn(loss_jump()).epochs == ()


def test_restart_is_drawn() -> None:
    assert drawn(loss_jump()).restarts == (pytest.approx(100 * 3000 / 8970, abs=0.01),)


def test_equal_groups_are_drawn_once_and_too_many_counted() -> None:
    run, steps = late_peak(), np.arange(100)
    groups = [
        Curve(Role.LR, f"lr/{i}", Series(f"lr/{i}", steps, np.full(100, max(1, i - 1))), f"{i}")
        for i in range(10)
    ]
    fig = figure(replace(run, curves=tuple(groups)))
    assert fig is not None
    assert len(fig.panels[0].lines) == 6
    assert fig.notes == (
        "2 param groups with the same LR as one drawn.",
        "2 more param groups not drawn.",
    )


def test_run_without_curves_has_no_figure() -> None:
    assert figure(replace(late_peak(), curves=())) is None
    assert sparkline(without_lr()) == ""


def test_series_of_nothing_but_nan_is_said() -> None:
    nothing = Curve(Role.TRAIN_LOSS, "loss", Series("loss", np.arange(5), np.full(5, np.nan)))
    fig = figure(replace(late_peak(), curves=(nothing,)))
    assert fig is not None
    assert fig.panels[0].lines[0].path == ""
    assert "No value of loss is finite." in fig.notes


def test_single_point_is_drawn() -> None:
    one = Curve(Role.LR, "lr", Series("lr", np.array([7]), np.array([0.1])))
    fig = figure(replace(late_peak(), curves=(one,)))
    assert fig is not None
    assert fig.panels[0].lines[0].path.startswith("M0 ")


def test_text_plot_shows_the_curve_and_the_span() -> None:
    step = np.arange(100)
    series = Series("lr", step, np.where(step < 50, 1e-1, 1e-3))
    shown = plot(series, None, (50, 75), width=60, height=6)
    assert shown is not None
    top, bottom = shown.rows[0][1], shown.rows[-1][1]
    assert top[:20].strip()
    assert not top[30:].strip()
    assert bottom[30:].strip()
    assert not bottom[:20].strip()
    assert shown.rows[0][0].strip() == "0.1 │"
    assert shown.rows[-1][0].strip() == "1e-3 │"
    marked = shown.axis.split("└")[1]
    assert marked.index("━") == pytest.approx(25, abs=1)
    assert marked.count("━") == pytest.approx(13, abs=2)


def test_text_plot_dots_the_corrected_curve_where_it_differs() -> None:
    step = np.arange(100)
    actual = Series("lr", step, np.full(100, 0.1))
    corrected = Series("lr", step, np.where(step < 50, 0.1, 0.001))
    shown = plot(actual, corrected, (0, 99), width=60)
    assert shown is not None
    assert "·" not in shown.rows[0][1]
    assert shown.rows[-1][1][30:].count("·") >= 20


def test_text_plot_of_nan_is_none() -> None:
    assert plot(Series("lr", np.arange(3), np.full(3, np.nan)), None, (0, 1), 60) is None


def test_lr_of_zero_has_its_own_tick_on_the_log_axis() -> None:
    step = np.arange(100)
    lr = Curve(Role.LR, "lr", Series("lr", step, np.where(step < 50, 0.1, 0.0)))
    fig = figure(replace(late_peak(), curves=(lr,)))
    assert fig is not None
    assert (fig.panels[0].ticks[0].at, fig.panels[0].ticks[0].label) == (0.0, "0")
    assert fig.notes == ()
    shown = plot(lr.series, None, (50, 100), width=60)
    assert shown is not None
    assert shown.rows[-1][0].strip() == "0 │"


def test_loss_that_diverges_leaves_the_axis_and_the_training_before_is_seen() -> None:
    step = np.arange(200)
    value = np.where(step < 100, 2.0 - 0.01 * step, 10.0 ** (step - 100.0))
    loss = Curve(Role.TRAIN_LOSS, "loss", Series("loss", step, value))
    fig = figure(replace(late_peak(), curves=(loss,)))
    assert fig is not None
    (panel,) = fig.panels
    assert {tick.label for tick in panel.ticks} >= {"1", "100"}
    assert any("beyond the axis" in note for note in fig.notes)
