"""JSON lines and JSON documents as real writers leave them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrdoctor.errors import ReadError
from lrdoctor.readers.json_columns import JsonColumns
from lrdoctor.readers.jsonl import Jsonl
from lrdoctor.types import RawLog


def lines(tmp_path: Path, rows: list[dict[str, Any]], name: str = "log.json") -> RawLog:
    (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (log,) = Jsonl().read([str(tmp_path / name)])
    return log


def document(tmp_path: Path, value: Any) -> RawLog:
    (tmp_path / "log.json").write_text(json.dumps(value))
    (log,) = JsonColumns().read([str(tmp_path / "log.json")])
    return log


def points(log: RawLog, tag: str) -> tuple[list[int], list[float]]:
    series = next(s for s in log.series if s.tag == tag)
    return series.step.tolist(), series.value.tolist()


def tags(log: RawLog) -> set[str]:
    return {s.tag for s in log.series}


# ---------------------------------------------------------------------------- lines


@pytest.mark.parametrize(
    ("row", "format", "axis"),
    [
        ({"current_steps": 1, "total_steps": 9, "loss": 2, "lr": 1}, "llamafactory_jsonl",
         "current_steps"),
        ({"iteration": 19, "data_time": 0.1, "total_loss": 2}, "detectron2_json", "iteration"),
        ({"lr": 1, "data_time": 0.1, "loss": 2, "iter": 1, "step": 1}, "mmengine_json", "step"),
        ({"train_lr": 1, "train_loss": 2, "epoch": 0}, "detr_jsonl", "epoch"),
        ({"global_step": 1, "loss": 2}, "jsonl", "global_step"),
    ],
)  # fmt: skip
def test_dialects(tmp_path: Path, row: dict[str, Any], format: str, axis: str) -> None:
    rows = [{**row, axis: row[axis] + i} for i in range(3)]
    log = lines(tmp_path, rows)
    assert (log.format, log.axis) == (format, axis)


def test_planned_length_is_a_setting_too(tmp_path: Path) -> None:
    rows = [{"current_steps": i, "total_steps": 5100, "loss": 1.5} for i in (1, 2, 3)]
    assert lines(tmp_path, rows).hparams == {"total_steps": 5100}


def test_validation_rows_of_mmengine_are_placed(tmp_path: Path) -> None:
    train = [
        {"lr": 0.1, "data_time": 0, "loss": 3 - e, "epoch": e, "step": 100 * e} for e in (1, 2)
    ]
    val = [{"accuracy/top1": 50 + e, "data_time": 0, "step": e} for e in (1, 2)]
    log = lines(tmp_path, [train[0], val[0], train[1], val[1]])
    assert points(log, "accuracy/top1") == ([100, 200], [51, 52])
    assert points(log, "loss") == ([100, 200], [2, 1])
    assert any("validation rows" in n.message for n in log.notes)


def test_mmcv_counts_within_epochs(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"env_info": "x", "config": {"lr": 0.1, "max_epochs": 2}}]
    for epoch in (1, 2):
        rows += [
            {"mode": "train", "epoch": epoch, "iter": i, "lr": 0.1, "loss": 3} for i in (50, 100)
        ]
        rows.append({"mode": "val", "epoch": epoch, "iter": 7, "mAP": 0.5})
    log = lines(tmp_path, rows, "run.log.json")
    assert log.format == "mmcv_json"
    assert points(log, "loss")[0] == [50, 100, 150, 200]
    assert points(log, "mAP")[0] == [100, 200]
    assert log.hparams == {"lr": 0.1, "max_epochs": 2}


def test_lists_nested_records_and_text_numbers(tmp_path: Path) -> None:
    row = {
        "step": 1,
        "lr": [0.1, 0.01],
        "train": {"loss": "NaN"},
        "took": "0:01:03",
        "big": [1] * 99,
    }
    log = lines(tmp_path, [row, {**row, "step": 2, "train": {"loss": "2.5"}}])
    assert points(log, "lr.1") == ([1, 2], [0.01, 0.01])
    loss = points(log, "train.loss")[1]
    assert math.isnan(loss[0]) and loss[1] == 2.5
    assert tags(log) == {"lr.0", "lr.1", "train.loss"}


def test_bad_lines_are_counted(tmp_path: Path) -> None:
    text = '{"step": 1, "loss": NaN}\n{"step": 2, "lo\n[1]\n{"step": 3, "loss": -Infinity}\n'
    (tmp_path / "a.jsonl").write_text(text)
    (log,) = Jsonl().read([str(tmp_path / "a.jsonl")])
    np.testing.assert_array_equal(points(log, "loss")[1], [math.nan, -math.inf])
    assert log.notes[0].message.startswith("2 lines")


def test_conflict_sides_in_json_lines(tmp_path: Path) -> None:
    rows = [f'{{"epoch": {e}, "loss": {v}}}' for e, v in [(0, 3), (1, 2), (0, 9), (1, 8)]]
    rows[2:2] = ["======="]
    text = "\n".join(["<<<<<<< HEAD", *rows, ">>>>>>> other"])
    (tmp_path / "log.txt").write_text(text)
    (log,) = Jsonl().read([str(tmp_path / "log.txt")])
    assert points(log, "loss") == ([0, 1, 0, 1], [3, 2, 9, 8])


@pytest.mark.parametrize(
    "number", ["1" * 5000, "-" + "9" * 400, "1e999", "NaN"], ids=["long", "negative", "exp", "nan"]
)
def test_absurd_numbers(tmp_path: Path, number: str) -> None:
    text = f'{{"step": 1, "loss": {number}}}\n{{"step": 2, "loss": 1}}\n{{"step": {number}}}\n'
    (tmp_path / "a.jsonl").write_text(text)
    (log,) = Jsonl().read([str(tmp_path / "a.jsonl")])
    assert not np.isfinite(points(log, "loss")[1][0])


@pytest.mark.parametrize(
    ("name", "text", "accepted"),
    [
        ("metrics.json", '{"iteration": 1, "lr": 0.1}\n{"iteration": 2, "lr": 0.1}\n', True),
        ("log.txt", '{"train_lr": 0.1, "epoch": 0}\n{"train_lr": 0.1, "epoch": 1}\n', True),
        ("log.txt", '{"train_lr": 0.1, "epoch": 0, "x": [' + "1," * 3000, True),
        ("results.json", '{"epoch": 3.0, "loss": 0.5}\n', False),
        ("a.json", '{"loss": [1, 2], "lr": [1, 2]}', False),
        ("a.jsonl", '{"prompt": "a", "answer": "b"}\n{"prompt": "c", "answer": "d"}\n', False),
        ("a.json", '{\n "step": 1,\n "loss": 2\n}\n', False),
        ("a.txt", "epoch 1 loss 2\n", False),
    ],
)
def test_lines_accepted(name: str, text: str, accepted: bool) -> None:
    assert Jsonl().accepts(name, text.encode()[:4096]) is accepted


# ---------------------------------------------------------------------------- documents


def test_keras_history(tmp_path: Path) -> None:
    log = document(tmp_path, {"loss": [3, 2, 1], "val_loss": [4, math.nan, 2], "lr": [1, 1, 0.1]})
    assert log.axis == "row" and points(log, "lr") == ([0, 1, 2], [1, 1, 0.1])
    assert math.isnan(points(log, "val_loss")[1][1])


def test_wrapped_history_with_epochs(tmp_path: Path) -> None:
    log = document(tmp_path, {"history": {"epoch": [1, 2], "loss": [3, 2]}, "batch_size": 32})
    assert points(log, "loss") == ([1, 2], [3, 2]) and log.hparams == {"batch_size": 32}


def test_tables_with_their_own_axes(tmp_path: Path) -> None:
    train = {"iter": [50, 100, 150], "lr": [3, 2, 1], "acc": [1, 2]}
    log = document(
        tmp_path, {"config": {"lr": 3}, "train": train, "val": {"iter": [150], "loss": [7]}}
    )
    assert points(log, "train.lr") == ([50, 100, 150], [3, 2, 1])
    assert points(log, "val.loss") == ([150], [7])
    # Two accuracies for three rows: nothing says which rows.
    assert "train.acc" not in tags(log) and any("do not fit" in n.message for n in log.notes)


def test_values_per_epoch_beside_values_per_batch(tmp_path: Path) -> None:
    log = document(tmp_path, {"batch_loss": list(range(100)), "val_loss": [5, 4]})
    assert points(log, "val_loss") == ([49, 99], [5, 4])
    assert any(n.kind == "spread" for n in log.notes)


def test_records_and_pandas_columns(tmp_path: Path) -> None:
    log = document(tmp_path, [{"epoch": 1, "loss": 3, "lr": [0.1]}, {"epoch": 2, "loss": None}])
    assert points(log, "loss") == ([1], [3]) and points(log, "lr.0") == ([1], [0.1])
    log = document(
        tmp_path, {"step": {"0": 10, "1": 20, "2": 30}, "loss": {"0": 3, "1": 2, "2": 1}}
    )
    assert points(log, "loss") == ([10, 20, 30], [3, 2, 1])


def test_lists_of_lr_per_group(tmp_path: Path) -> None:
    log = document(tmp_path, {"epoch": [0, 1], "lr": [[0.1, 0.01], [0.2, 0.02]], "loss": [2, 1]})
    assert points(log, "lr.1") == ([0, 1], [0.01, 0.02])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"loss": [1, 2', "line 1: not valid JSON"),
        ('{"a": "b"}', "no lists or records"),
        ("[" * 50_000, "nested too deeply"),
        ("", "not valid JSON"),
    ],
)
def test_documents_that_are_no_log(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ReadError, match=reason):
        list(JsonColumns().read([str(tmp_path / "a.json")]))


@pytest.mark.parametrize(
    ("name", "text", "accepted"),
    [
        ("a/history.json", '{"loss": [1, 2], "val_loss": [2, 1]}', True),
        ("a/history.json", '{"train": {"iter": [1, 2], "x": [1, 2]}}', True),
        ("a/history.json", '[{"epoch": 1, "loss": 2}]', True),
        ("a/history.json", '{"history": [{"epoch": 1, "loss": 2}]}', True),
        ("a/config.json", '{"loss": [1, 2], "lr": [1, 2]}', False),
        ("a/coco.json", '{"images": [{"id": 1, "width": 3}], "annotations": [{"id": 1}]}', False),
        ("a/package.json", '{"name": "x", "version": "1"}', False),
    ],
)
def test_documents_accepted(name: str, text: str, accepted: bool) -> None:
    assert JsonColumns().accepts(name, text.encode()) is accepted


def test_keys_of_endless_digits_are_no_row_numbers(tmp_path: Path) -> None:
    log = document(tmp_path, {"step": [1, 2, 3], "loss": [3.0, 2.0, 1.0], "x": {"7" * 5000: 1.0}})
    assert [s.tag for s in log.series] == ["loss"]
