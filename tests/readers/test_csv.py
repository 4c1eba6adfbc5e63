"""CSV logs as real writers leave them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.errors import ReadError
from lrdoctor.readers import csv as csv_module
from lrdoctor.readers._csv_large import parse_large
from lrdoctor.readers.csv import Csv
from lrdoctor.types import RawLog


def read(path: Path, text: str | bytes, name: str = "log.csv") -> RawLog:
    return only(read_all(path, text, name))


def read_all(path: Path, text: str | bytes, name: str = "log.csv") -> list[RawLog]:
    file = path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(Csv().read([str(file)]))


def only(logs: list[RawLog]) -> RawLog:
    assert len(logs) == 1
    return logs[0]


def values(log: RawLog, tag: str) -> list[float]:
    return next(s for s in log.series if s.tag == tag).value.tolist()


def steps(log: RawLog, tag: str) -> list[int]:
    return next(s for s in log.series if s.tag == tag).step.tolist()


def tags(log: RawLog) -> set[str]:
    return {s.tag for s in log.series}


@pytest.mark.parametrize(
    ("header", "axis", "format"),
    [
        ("epoch,lr/pg0,lr/pg1,train/box_loss", "epoch", "ultralytics_csv"),
        ("epoch,train/box_loss,x/lr0,x/lr2", "epoch", "yolov5_csv"),
        ("time/iterations,time/total_timesteps,train/loss", "time/total_timesteps", "sb3_csv"),
        ("epoch,step,loss,train_runtime", "step", "hf_csv"),
        ("epoch,train_loss,eval_loss,eval_top1,lr", "epoch", "timm_csv"),
        ("epoch,train_loss,valid_loss,time", "epoch", "fastai_csv"),
        ("epoch,lr-Adam,step,train_loss", "step", "lightning_csv"),
        ("loss,val_loss,accuracy", "row", "keras_csv"),
        ("train/global_step,_step,loss", "train/global_step", "csv"),
        ("Epoch, Loss, LR", "Epoch", "csv"),
        ("iteration,lr,total_loss", "iteration", "csv"),
    ],
)
def test_dialect_and_axis(tmp_path: Path, header: str, axis: str, format: str) -> None:
    width = header.count(",") + 1
    rows = [",".join(str(i + 1) for _ in range(width)) for i in range(3)]
    log = read(tmp_path, "\n".join([header, *rows]))
    assert (log.axis, log.format) == (axis, format)
    assert all(len(s.step) == 3 for s in log.series)


def test_padded_headers_and_cells(tmp_path: Path) -> None:
    text = "     epoch,   train/box_loss,  x/lr0\n   0,   0.043,  0.0033\n   1,   0.031,   0.0066\n"
    log = read(tmp_path, text)
    assert values(log, "x/lr0") == [0.0033, 0.0066] and steps(log, "x/lr0") == [0, 1]


@pytest.mark.parametrize("end", ["\r\n", "\r\r\n", "\r"], ids=repr)
def test_line_ends(tmp_path: Path, end: str) -> None:
    log = read(tmp_path, end.join(["epoch,loss", "0,2.5", "1,2.25", ""]))
    assert values(log, "loss") == [2.5, 2.25] and not log.notes


@pytest.mark.parametrize(
    ("text", "lr"),
    [
        ("epoch\tloss\tlr\n0\t2\t0.1\n1\t1\t0.2\n", [0.1, 0.2]),
        ("epoch;loss;lr\n0;2,5;0,1\n1;1,5;0,2\n", [0.1, 0.2]),
        ("# epoch loss lr\n0 2 0.1\n1 1 0.2\n", [0.1, 0.2]),
        ("#made by hand\nepoch,loss,lr\n0,2,0.1\n1,1,0.2\n", [0.1, 0.2]),
        ('"epoch","loss","lr"\n"0","2","0.1"\n"1","1","0.2"\n', [0.1, 0.2]),
        ("\ufeffepoch,loss,lr\n0,2,[0.1]\n1,1,tensor(0.2)\n", [0.1, 0.2]),
    ],
)
def test_delimiters_quotes_and_wrapped_numbers(tmp_path: Path, text: str, lr: list[float]) -> None:
    log = read(tmp_path, text)
    assert values(log, "lr") == lr and log.axis == "epoch"


def test_rows_without_an_axis_are_numbered(tmp_path: Path) -> None:
    log = read(tmp_path, "val_loss,loss,accuracy\n2,3,0.1\n1.5,2.5,0.2\n")
    assert log.axis == "row" and steps(log, "loss") == [0, 1]


def test_pandas_index_is_no_series(tmp_path: Path) -> None:
    log = read(tmp_path, ",loss,lr\n0,2,0.1\n1,1,0.2\n")
    assert tags(log) == {"loss", "lr"} and log.axis == "row"


def test_epoch_stays_a_series(tmp_path: Path) -> None:
    assert values(read(tmp_path, "epoch,loss\n3,2\n4,1\n"), "epoch") == [3, 4]


def test_fractional_epoch_is_no_axis(tmp_path: Path) -> None:
    log = read(tmp_path, "epoch,loss\n0.25,3\n0.5,2\n0.75,1\n")
    assert log.axis == "row" and values(log, "epoch") == [0.25, 0.5, 0.75]


def test_sparse_rows_keep_their_own_steps(tmp_path: Path) -> None:
    text = "epoch,lr-Adam,step,train_loss,val_loss\n,0.1,49,,\n0,,49,2.5,\n0,,99,,3\n,0.1,99,,\n"
    log = read(tmp_path, text)
    assert steps(log, "lr-Adam") == [49, 99] and steps(log, "val_loss") == [99]


def test_batch_counter_within_epochs(tmp_path: Path) -> None:
    rows = [f"{e},{b},{e * 10 + b}" for e in range(3) for b in range(0, 10, 5)]
    log = read(tmp_path, "\n".join(["epoch,batch,loss", *rows]))
    assert steps(log, "loss") == [0, 5, 6, 11, 12, 17]  # 6 batches: the last seen is 5
    assert log.notes[0].kind == "axis" and "within each epoch" in log.notes[0].message


def test_hf_summary_row(tmp_path: Path) -> None:
    text = (
        "loss,learning_rate,epoch,step,eval_loss,train_runtime,train_loss\n"
        "2.5,0.1,0.5,100,,,\n2.0,0.05,1,200,,,\n,,1,200,2.2,,\n,,1,200,,77.5,2.25\n"
    )
    log = read(tmp_path, text)
    assert log.axis == "step" and steps(log, "eval_loss") == [200]
    assert (steps(log, "train_loss"), values(log, "train_loss")) == ([200], [2.25])


def test_non_finite_values_stay(tmp_path: Path) -> None:
    log = read(tmp_path, "epoch,loss\n0,2\n1,nan\n2,inf\n3,-Infinity\n4,NaN\n")
    np.testing.assert_array_equal(values(log, "loss"), [2, math.nan, math.inf, -math.inf, math.nan])


def test_nan_that_fills_rows_is_no_value(tmp_path: Path) -> None:
    rows = [f"{i},{3 - i / 10},{2 if i % 5 == 4 else 'nan'}" for i in range(20)]
    log = read(tmp_path, "\n".join(["step,loss,val_loss", *rows]))
    assert steps(log, "val_loss") == [4, 9, 14, 19]
    assert [n.kind for n in log.notes] == ["filler"]


def test_nan_from_divergence_stays(tmp_path: Path) -> None:
    rows = [f"{i},{3 - i / 10 if i < 8 else 'nan'}" for i in range(20)]
    log = read(tmp_path, "\n".join(["step,loss", *rows]))
    assert np.isnan(values(log, "loss")).sum() == 12 and not log.notes


def test_huge_and_negative_losses(tmp_path: Path) -> None:
    log = read(tmp_path, "epoch,loss,val_loss\n0,6.085e+16,-3\n1,6210460.77,-4\n")
    assert values(log, "loss") == [6.085e16, 6210460.77] and values(log, "val_loss") == [-3, -4]


def test_conflict_sides_begin_at_the_same_row(tmp_path: Path) -> None:
    text = (
        "loss,val_loss\r\n<<<<<<< HEAD\r\n3,4\r\n2,3\r\n=======\r\n9,8\r\n7,6\r\n>>>>>>> 6.16\r\n"
    )
    log = read(tmp_path, text)
    assert steps(log, "loss") == [0, 1, 0, 1] and values(log, "loss") == [3, 2, 9, 7]
    assert log.notes[0].kind == "conflict-markers"


def test_header_that_comes_again(tmp_path: Path) -> None:
    log = read(tmp_path, "loss,val_loss\n3,4\n2,3\nloss,val_loss\n9,8\n7,6\n5,4\n")
    assert steps(log, "loss") == [0, 1, 0, 1, 2]
    assert [n.kind for n in log.notes] == ["header-again"]


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    log = read(tmp_path, "epoch,loss,host\n0,2,a\n1,x2,b\n2,1,c,9\n3,0.5,d\n")
    kinds = {n.kind: n.message for n in log.notes}
    assert "host" in kinds["text-columns"] and kinds["unreadable"].startswith("1 cell")
    assert kinds["ragged"].startswith("1 row") and steps(log, "loss") == [0, 2, 3]


def test_last_cell_of_a_cut_row_is_not_trusted(tmp_path: Path) -> None:
    log = read(tmp_path, "epoch,lr,loss\n0,0.05,2\n1,0.05,1\n2,0.0")
    assert steps(log, "lr") == [0, 1]


def test_wandb_export_has_runs_side_by_side(tmp_path: Path) -> None:
    header = "Step,red - loss,red - loss__MIN,red - loss__MAX,blue-2 - loss,blue-2 - loss__MIN"
    logs = read_all(tmp_path, f'{header}\n1,2,2,2,"",""\n2,"NaN",1,1,5,5\n3,,,,4,4\n')
    assert [log.format for log in logs] == ["wandb_csv"] * 2
    assert steps(logs[0], "loss") == [1, 2] and steps(logs[1], "loss") == [2, 3]
    assert math.isnan(values(logs[0], "loss")[1]) and tags(logs[0]) == {"loss"}
    assert any(n.kind == "sample" for n in logs[0].notes)


def test_wall_time(tmp_path: Path) -> None:
    log = read(tmp_path, "step,_timestamp,loss\n1,1700000000.5,2\n2,1700000001.5,1\n")
    wall = next(s for s in log.series if s.tag == "loss").wall_time
    assert wall is not None and wall.tolist() == [1700000000.5, 1700000001.5]
    assert tags(log) == {"loss"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no table"),
        ("hello\nworld\n", "no table"),
        ("1,2,3\n4,5,6\n", "no table"),
        ("name,loss\na,b\nc,d\n", "no numbers"),
    ],
)
def test_what_is_no_log(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        read_all(tmp_path, text)


def test_header_without_rows_is_a_log_that_starts(tmp_path: Path) -> None:
    log = read(tmp_path, "epoch,loss\n")
    assert not log.series and log.notes[0].kind == "no-rows"


@pytest.mark.parametrize(
    ("name", "text", "accepted"),
    [
        ("a.csv", "epoch,loss\n0,1\n", True),
        ("a.csv", "val_loss,loss\n3,1\n", True),
        ("a.csv", "model,lr,loss\nresnet,0.1,2\n", False),
        ("a.csv", "id,x,y\n1,2,3\n", False),
        ("a.csv", "file,label,width\na.png,cat,3\n", False),
        ("a.txt", "epoch\tloss\n0\t1\n", True),
        ("a.txt", "The loss at every step, as it was,\nis small\n", False),
        ("a.txt", "numpy\nscipy\n", False),
        ("a.csv", "Step,a - loss,a - loss__MIN\n1,2,3\n", True),
    ],
)
def test_accepts(name: str, text: str, accepted: bool) -> None:
    assert Csv().accepts(name, text.encode()) is accepted


# ---------------------------------------------------------------------------- large files


def large_and_small(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> list[RawLog]:
    small = read(tmp_path, text)
    monkeypatch.setattr(csv_module, "LARGE", 0)
    return [small, read(tmp_path, text)]


@pytest.mark.parametrize(
    "text",
    [
        "epoch,lr,loss\n" + "".join(f"{i},{0.1 / (i + 1)},{3 - i / 99}\n" for i in range(300)),
        "step,epoch,loss,val\n" + "".join(f"{i},,{i}.5,\n{i},1,,nan\n" for i in range(9)),
        "epoch, loss , host\r\n"
        + "".join(f"{i}, {'inf' if i == 3 else i}, a\r\n" for i in range(9)),
        "loss,val_loss\n<<<<<<< HEAD\n3,4\n=======\n9,8\n>>>>>>> b\n",
        "loss,val_loss\n3,4\nloss,val_loss\n9,8\n",
        "epoch,loss\n1,2,3\n2,3\n3\n",
        "epoch,lr,loss\n0,0.05,2\n1,0.05,1\n2,0.0",
        'epoch,loss\n0,3\n1,"2\n' + "".join(f"{i},{3 - i / 99}\n" for i in range(2, 300)),
        "epoch,loss\n0,3\n" + "7" * 3_000_000 + "\n1,2\n2,1\n",
        "\nepoch,loss\n\n0,3\n1,2\n",
    ],
    ids=["plain", "sparse", "padded", "conflict", "header-again", "ragged", "cut", "open-quote",
         "long-line", "blank-lines"],
)  # fmt: skip
def test_large_files_read_the_same(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = large_and_small(tmp_path, text, monkeypatch)
    assert tags(one) == tags(two) and one.axis == two.axis
    for tag in tags(one):
        np.testing.assert_array_equal(steps(one, tag), steps(two, tag))
        np.testing.assert_array_equal(values(one, tag), values(two, tag))


def test_regular_files_take_the_fast_path(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("epoch,lr,loss\n1,0.1,2\n2,0.1,nan\n")
    cells = parse_large(str(tmp_path / "a.csv"))
    assert cells is not None and cells.rows == 2


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_log_or_a_read_error(tmp_path_factory: object, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    try:
        read_all(folder, b"epoch,loss\n" + content)
    except ReadError as error:
        assert "\n" not in str(error)
