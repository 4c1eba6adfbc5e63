"""From raw logs to runs: cut, joined, copied, out of order; every decision is a note."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.readers._assemble import assemble
from lrdoctor.readers._cut import set_backs
from lrdoctor.types import Note, RawLog, RawSeries, Run


def decay(step: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """A loss that falls with the step."""
    return 0.5 + 2 / np.sqrt(1 + np.asarray(step, dtype=float) / 20)


def cosine(step: npt.ArrayLike, total: int = 1000) -> npt.NDArray[np.float64]:
    return 0.05 * (1 + np.cos(np.pi * np.asarray(step, dtype=float) / total))


def log(*steps: Sequence[int], file: str = "a.csv", ordered: bool = True, **more: Any) -> RawLog:
    """A log whose rows have the given steps, a cosine LR and a falling loss.

    ``noise`` sets the loss of each stretch apart from those of the others.
    """
    noise = more.pop("noise", 0.0)
    noisy = np.concatenate([np.full(len(list(s)), i * noise) for i, s in enumerate(steps)])
    step = np.concatenate([np.asarray(list(s), dtype=np.int64) for s in steps])
    order = np.arange(len(step)) if ordered else None
    wall = more.pop("wall", None)
    series = [
        RawSeries("lr", step, cosine(step), wall, order),
        RawSeries("loss", step, decay(step) + noisy, wall, order),
    ]
    return RawLog(file, "csv", "step", tuple(series), **more)


def kinds(run: Run) -> list[str]:
    return [n.kind for n in run.notes]


def span(run: Run, tag: str = "loss") -> tuple[int, int, int]:
    series = run.series[tag]
    return len(series), int(series.step[0]), int(series.step[-1])


# ---------------------------------------------------------------------------- where steps go back


@pytest.mark.parametrize(
    ("steps", "cuts"),
    [
        ([], []),
        ([5], []),
        ([1, 2, 3], []),
        ([1, 1, 2, 2], []),
        ([1, 2, 4, 3, 5, 6], []),
        ([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6], [5]),
        ([10, 11, 12, 11, 12, 13], [3]),
        ([1, 2, 3, 4, 5, 6, 7, 8, 2, 3, 4, 5, 1, 2, 3, 4], [8, 12]),
        ([1, 2, 3, 1], []),
        ([1, 2, 1, 2, 3, 4], [2]),
        ([5, 3, 9, 1, 8, 2, 7, 4, 6], []),
    ],
)
def test_set_backs(steps: list[int], cuts: list[int]) -> None:
    assert set_backs(steps) == cuts


@given(st.lists(st.integers(-5, 30), max_size=60))
def test_set_backs_are_falls(steps: list[int]) -> None:
    cuts = set_backs(steps)
    assert cuts == sorted(set(cuts)) and all(steps[c] < steps[c - 1] for c in cuts)


# ---------------------------------------------------------------------------- runs


def test_plain_log_is_one_run_without_notes() -> None:
    (run,) = assemble("r", [log(range(100))])
    assert (run.name, run.notes, run.restarts) == ("r", (), ()) and span(run) == (100, 0, 99)


def test_runs_appended_to_one_file() -> None:
    runs = assemble(
        "r", [log(range(0, 2000, 20), range(0, 500, 20), range(0, 4000, 20), noise=0.01)]
    )
    assert [r.name for r in runs] == ["r", "r#2", "r#3"]
    assert [span(r) for r in runs] == [(100, 0, 1980), (25, 0, 480), (200, 0, 3980)]
    assert [kinds(r) for r in runs] == [["split"], ["split"], ["split"]]


def test_resume_with_overlap() -> None:
    (run,) = assemble("r", [log(range(500), range(450, 1000))])
    assert span(run) == (1000, 0, 999) and kinds(run) == ["restart"]
    (restart,) = run.restarts
    assert (restart.step, restart.discarded, restart.file) == (450, 50, "a.csv")


def test_resume_drops_values_the_resumed_part_does_not_repeat() -> None:
    first, second = np.arange(100), np.arange(60, 160)
    step = np.concatenate([first, second])
    marks = RawSeries("val", np.array([50, 95, 150]), np.ones(3), None, np.array([50, 95, 190]))
    loss = RawSeries("loss", step, decay(step), None, np.arange(200))
    (run,) = assemble("r", [RawLog("a", "csv", "step", (loss, marks))])
    assert run.series["val"].step.tolist() == [50, 150]


def test_resume_over_several_files() -> None:
    logs = [
        log(range(1), file="log_11_56.txt"),
        log(range(498), file="log_11_57.txt"),
        log(range(450, 1000), file="log_14_26.txt"),
    ]
    (run,) = assemble("fold_0", logs)
    assert span(run) == (1000, 0, 999)
    assert [(r.step, r.discarded) for r in run.restarts] == [(0, 1), (450, 48)]
    assert run.files == ("log_11_56.txt", "log_11_57.txt", "log_14_26.txt")


def test_files_are_ordered_by_wall_time_then_by_number_in_the_name() -> None:
    late, early = np.arange(600) + 1e9, np.arange(500) + 1e8
    logs = [log(range(400, 1000), file="a", wall=late), log(range(500), file="b", wall=early)]
    (run,) = assemble("r", logs)
    assert run.restarts[0].step == 400 and run.restarts[0].gap_seconds == 1e9 - 1e8 - 499
    logs = [log(range(400, 1000), file="log_10"), log(range(500), file="log_9")]
    (run,) = assemble("r", logs)
    assert run.restarts[0].file == "log_10"


def test_file_that_goes_on_exactly() -> None:
    (run,) = assemble("r", [log(range(100), file="a"), log(range(100, 200), file="b")])
    assert span(run) == (200, 0, 199) and run.restarts[0].discarded == 0


def test_files_with_other_tags_are_one_run() -> None:
    val = RawSeries("val_loss", np.array([0, 50]), np.array([2.0, 1.0]))
    (run,) = assemble("r", [log(range(100), file="a"), RawLog("b", "csv", "step", (val,))])
    assert set(run.series) == {"lr", "loss", "val_loss"} and not run.restarts


def test_files_that_both_begin_are_two_runs() -> None:
    one = log(range(100), file="a")
    step = np.arange(120)
    two = RawLog("b", "csv", "step", (RawSeries("loss", step, 2 * decay(step)),))
    assert [span(r)[0] for r in assemble("r", [one, two])] == [100, 120]


def test_nested_copies_keep_the_longest() -> None:
    logs = [log(range(0, n, 10), file=f"checkpoint-{n}/s.json") for n in (1000, 500, 250)]
    (run,) = assemble("out", logs)
    assert span(run) == (100, 0, 990) and kinds(run) == ["copy"] and not run.restarts
    assert "2 logs" in run.notes[0].message


def test_copy_with_other_values_is_another_run() -> None:
    step = np.arange(0, 500, 10)
    other = RawLog("b", "csv", "step", (RawSeries("loss", step, decay(step) + 0.1),))
    assert len(assemble("out", [log(range(0, 1000, 10)), other])) == 2


def test_earlier_part_that_stands_behind() -> None:
    (run,) = assemble("r", [log(range(500, 1000, 5), range(0, 550, 5))])
    assert span(run) == (200, 0, 995) and kinds(run) == ["order"]
    assert [(r.step, r.discarded) for r in run.restarts] == [(500, 10)]


def test_run_that_began_later_is_not_joined_to_an_unlike_one() -> None:
    first = np.arange(500, 1000)
    second = np.arange(0, 550)
    step = np.concatenate([first, second])
    lr = np.concatenate([cosine(first), 0.3 * np.ones(550)])
    series = RawSeries("lr", step, lr, None, np.arange(len(step)))
    assert len(assemble("r", [RawLog("a", "csv", "step", (series,))])) == 2


def test_loss_decides_near_the_start() -> None:
    first, second = np.arange(0, 1000), np.arange(50, 1000)
    step, order = np.concatenate([first, second]), np.arange(1950)
    again = np.concatenate([decay(first), decay(second - 50)])
    same = np.concatenate([decay(first), decay(second)])
    for values, count in ((again, 2), (same, 1)):
        raw = RawLog(
            "a", "csv", "step", (RawSeries("loss", step, values + 1e-4 * order, None, order),)
        )
        assert len(assemble("r", [raw])) == count


def test_rows_out_of_order_and_repeated() -> None:
    step = np.array([0, 1, 3, 2, 4, 5, 5, 6, 7, 8, 9, 10])
    value = np.arange(12.0)
    (run,) = assemble("r", [RawLog("a", "csv", "step", (RawSeries("loss", step, value),))])
    series = run.series["loss"]
    assert series.step.tolist() == list(range(11)) and series.value[[2, 3, 5]].tolist() == [3, 2, 6]
    assert kinds(run) == ["order", "repeated-steps"] and not run.restarts


def test_shuffled_rows_are_sorted() -> None:
    step = np.random.default_rng(0).permutation(1000)
    (run,) = assemble("r", [log(step.tolist())])
    assert span(run) == (1000, 0, 999)
    np.testing.assert_array_equal(run.series["loss"].value, decay(np.arange(1000)))


def test_same_value_twice_is_no_note() -> None:
    (run,) = assemble("r", [log([0, 1, 1, 2, 3, 4])])
    assert span(run) == (5, 0, 4) and not run.notes


def test_sparse_tag_goes_to_the_part_it_was_logged_in() -> None:
    step = np.concatenate([np.arange(100), np.arange(100)])
    loss = RawSeries("loss", step, decay(step), None, np.arange(200))
    # The second run evaluates only after the step at which the first one did: no fall to see.
    val = RawSeries("val", np.array([40, 80]), np.array([1.0, 2.0]), None, np.array([40, 180]))
    one, two = assemble("r", [RawLog("a", "csv", "step", (loss, val))])
    assert one.series["val"].step.tolist() == [40] and two.series["val"].step.tolist() == [80]


def test_validation_logged_just_before_the_first_training_row_of_a_run() -> None:
    loss = RawSeries("loss", np.tile(np.arange(1, 9), 2), np.ones(16), None, np.r_[1:9, 11:19])
    val = RawSeries("val", np.array([0, 8, 0, 8]), np.arange(4.0), None, np.array([0, 9, 10, 19]))
    one, two = assemble("r", [RawLog("a", "csv", "step", (loss, val))])
    assert one.series["val"].step.tolist() == two.series["val"].step.tolist() == [0, 8]


def test_step_that_counts_within_epochs_is_counted_through() -> None:
    step, total = np.tile(np.arange(0, 100, 10), 8), np.arange(0, 800, 10)
    series = (
        RawSeries("loss", step, decay(total), None, np.arange(80)),
        RawSeries("val", np.full(8, 90), decay(np.arange(8)), None, np.arange(9, 80, 10)),
    )
    (run,) = assemble("r", [RawLog("a", "csv", "iter", series)])
    np.testing.assert_array_equal(run.series["loss"].step, total)
    np.testing.assert_array_equal(run.series["val"].step, np.arange(90, 800, 100))
    assert kinds(run) == ["axis"] and not run.restarts


def test_equal_runs_that_start_over_stay_runs() -> None:
    step = np.tile(np.arange(50), 6)
    value = decay(step) + 0.01 * np.random.default_rng(0).normal(size=300)
    raw = RawLog("a", "csv", "epoch", (RawSeries("loss", step, value, None, np.arange(300)),))
    assert len(assemble("r", [raw])) == 6


def test_wall_times_stand_in_for_record_order() -> None:
    step = np.concatenate([np.arange(100), np.arange(100)])
    loss = RawSeries("loss", step, decay(step) + 0.01 * np.arange(200), np.arange(200) + 1e9)
    val = RawSeries("val", np.array([40, 80]), np.array([1.0, 2.0]), np.array([40, 180]) + 1e9)
    one, two = assemble("r", [RawLog("a", "tensorboard", "step", (loss, val))])
    assert one.series["val"].step.tolist() == [40] and two.series["val"].step.tolist() == [80]


def test_logs_without_record_order_are_cut_series_by_series() -> None:
    one, two = assemble("r", [log(range(100), range(100), ordered=False, noise=0.01)])
    assert span(one) == span(two) == (100, 0, 99)
    assert span(one, "lr") == span(two, "lr") == (100, 0, 99)


def test_text_only_files_give_their_settings() -> None:
    note = Note("truncated", "x", "b")
    empty = RawLog("b", "tensorboard", "step", (), {"batch_size": 32}, (note,))
    (run,) = assemble("r", [empty, log(range(10), file="a")])
    assert run.hparams == {"batch_size": 32} and run.hparam_sources == {"batch_size": "b"}
    assert run.files == ("a", "b") and note in run.notes
    (alone,) = assemble("r", [empty])
    assert not alone.series and alone.hparams


def test_tag_names_are_made_printable_and_stay_apart() -> None:
    tags = ["lr\n\u202e", "x" * 250 + "a" * 150, "x" * 250 + "b" + "a" * 149]
    series = tuple(RawSeries(t, np.arange(3), np.ones(3)) for t in tags)
    (run,) = assemble("a\nb", [RawLog("f\n", "csv", "step", series)])
    assert len(run.series) == 3 and run.name == "a\\nb" and run.files == ("f\\n",)
    assert all(t.isprintable() and len(t) <= 203 for t in run.series)


def test_non_finite_values_survive() -> None:
    value = np.array([np.nan, np.inf, 1.0, -np.inf])
    (run,) = assemble("r", [RawLog("a", "csv", "step", (RawSeries("loss", np.arange(4), value),))])
    np.testing.assert_array_equal(run.series["loss"].value, value)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 40), max_size=40), st.booleans()), min_size=1, max_size=4
    )
)
def test_any_steps_make_ordered_series(files: list[tuple[list[int], bool]]) -> None:
    logs = [log(steps, file=str(i), ordered=o) for i, (steps, o) in enumerate(files)]
    logged = {step for steps, _ in files for step in steps}
    kept: set[int] = set()
    for run in assemble("r", logs):
        for series in run.series.values():
            kept |= set(series.step.tolist())
            np.testing.assert_array_equal(
                series.value, {"lr": cosine, "loss": decay}[series.tag](series.step)
            )
    assert kept <= logged and bool(kept) == bool(logged)


def test_event_files_with_declared_restart() -> None:
    first = log(range(100), file="events.1")
    second = log(range(60, 150), file="events.2", purges=(60,), purge_order=(0,))
    (run,) = assemble("r", [first, second])
    assert span(run) == (150, 0, 149) and [(r.step, r.discarded) for r in run.restarts] == [
        (60, 40)
    ]


def test_a_million_points_take_seconds() -> None:
    (run,) = assemble("r", [log(range(600_000), range(400_000, 1_000_000))])
    assert span(run) == (1_000_000, 0, 999_999)
