"""The reader of Hugging Face trainer states, on states shaped as transformers writes them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrdoctor.errors import ReadError
from lrdoctor.readers.trainer_state import TrainerState
from lrdoctor.types import RawLog, RawSeries


def a_state(**changes: Any) -> dict[str, Any]:
    """Linear decay to step 100 with an evaluation and, last, the Trainer's summary row."""
    rows: list[dict[str, Any]] = [
        {"epoch": s / 50, "learning_rate": 1e-4 * (1 - s / 100), "loss": 2 - s / 100, "step": s}
        for s in range(10, 101, 10)
    ]
    rows.insert(5, {"epoch": 1.0, "eval_loss": 1.7, "eval_runtime": 3.0, "step": 50})
    rows.append({"epoch": 2.0, "step": 100, "train_loss": 1.45, "train_runtime": 60.0})
    state = {
        "best_metric": None,
        "epoch": 2.0,
        "global_step": 100,
        "is_world_process_zero": True,
        "log_history": rows,
        "max_steps": 100,
        "num_train_epochs": 2,
        "stateful_callbacks": {"TrainerControl": {"args": {}}},
        "train_batch_size": 8,
    }
    return {**state, **changes}


def read(folder: Path, state: Mapping[str, Any] | str) -> RawLog:
    file = folder / "trainer_state.json"
    file.write_text(state if isinstance(state, str) else json.dumps(state, indent=2))
    assert TrainerState().accepts(str(file), file.read_bytes()[:4096])
    (log,) = TrainerState().read([str(file)])
    return log


def series(log: RawLog, tag: str) -> RawSeries:
    return next(s for s in log.series if s.tag == tag)


def test_rows_become_series_over_the_optimizer_step(tmp_path: Path) -> None:
    log = read(tmp_path, a_state())
    assert log.axis == "step"
    lr = series(log, "learning_rate")
    assert lr.step.tolist() == list(range(10, 101, 10))
    assert lr.value.tolist() == [1e-4 * (1 - s / 100) for s in range(10, 101, 10)]
    assert series(log, "eval_loss").step.tolist() == [50]
    assert len(series(log, "loss").step) == 10
    assert len(series(log, "epoch").step) == 12


def test_scalar_fields_become_hparams(tmp_path: Path) -> None:
    hparams = read(tmp_path, a_state()).hparams
    assert hparams["max_steps"] == hparams["global_step"] == 100
    assert (hparams["num_train_epochs"], hparams["train_batch_size"]) == (2, 8)
    assert not {"epoch", "log_history", "best_metric", "stateful_callbacks"} & hparams.keys()


def test_mean_loss_of_the_summary_row_is_named_as_such(tmp_path: Path) -> None:
    log = read(tmp_path, a_state())
    assert series(log, "train_loss").value.tolist() == [1.45]
    (note,) = log.notes
    assert (note.kind, note.step) == ("summary-row", 100)
    assert "mean over the run" in note.message


def test_non_finite_values_in_both_spellings(tmp_path: Path) -> None:
    text = """{"log_history": [{"step": 1, "loss": NaN, "grad_norm": Infinity},
                               {"step": 2, "loss": "nan", "grad_norm": 1e400, "note": "fine"}]}"""
    log = read(tmp_path, text)
    assert all(math.isnan(v) for v in series(log, "loss").value)
    assert series(log, "grad_norm").value.tolist() == [math.inf, math.inf]
    assert {s.tag for s in log.series} == {"loss", "grad_norm"}


def test_state_cut_short_keeps_its_whole_rows(tmp_path: Path) -> None:
    whole = json.dumps(a_state(), indent=2)
    log = read(tmp_path, whole[: whole.index('"step": 90') + 5])
    assert series(log, "loss").step.tolist() == list(range(10, 81, 10))
    assert log.hparams["global_step"] == 100
    assert [note.kind for note in log.notes] == ["truncated"]


def test_rows_without_a_step_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [{"loss": 1.0}, "text", {"step": 10**400, "loss": 1.0}, {"step": 5, "loss": 2.0}]
    log = read(tmp_path, a_state(log_history=rows))
    assert series(log, "loss").step.tolist() == [5]
    (note,) = log.notes
    assert note.kind == "no-step" and note.message.startswith("3 rows")


def test_state_before_the_first_log_is_an_empty_log(tmp_path: Path) -> None:
    log = read(tmp_path, a_state(log_history=[]))
    assert log.series == () and log.hparams["max_steps"] == 100


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"log_history": [', "not valid JSON"),
        ('{"log_history": 3}', "no list 'log_history'"),
        ('{"log_history": [' + "[" * 200_000, "nested too deep|not valid JSON"),
    ],
)
def test_unusable_state_is_refused_with_a_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        read(tmp_path, text)


def test_other_json_is_not_accepted() -> None:
    reader = TrainerState()
    assert not reader.accepts("config.json", b'{"max_steps": 3}')
    assert not reader.accepts("trainer_state.json", b"step,loss\n")
    assert reader.accepts("copy.json", b' {"log_history": []}')


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
rows = st.dictionaries(st.sampled_from(["step", "loss", "epoch", "\x00\n"]), scalars)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    history=st.lists(rows | scalars, max_size=6), cut=st.integers(0, 400), junk=st.text(max_size=5)
)
def test_any_state_ends_in_a_log_or_a_read_error(
    tmp_path: Path, history: list[Any], cut: int, junk: str
) -> None:
    text = "{" + json.dumps(a_state(log_history=history))[1:][:cut] + junk
    file = tmp_path / "trainer_state.json"
    file.write_text(text, "utf-8", "replace")
    try:
        (log,) = TrainerState().read([str(file)])
    except ReadError as error:
        assert "\n" not in str(error)
        return
    assert all(len(s.step) == len(s.value) for s in log.series)
