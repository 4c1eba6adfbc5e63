"""The reader of console logs, on small logs written as each framework writes them."""

from __future__ import annotations

import gzip
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrdoctor.errors import ReadError
from lrdoctor.readers._text import read_head
from lrdoctor.readers.text_log import TextLog
from lrdoctor.types import RawLog, RawSeries


def read(folder: Path, lines: Sequence[str], *, name: str = "train.log", end: str = "\n") -> RawLog:
    file = folder / name
    file.write_text("\n".join(lines) + end)
    assert TextLog().accepts(str(file), read_head(str(file)))
    (log,) = TextLog().read([str(file)])
    return log


def series(log: RawLog, tag: str) -> RawSeries:
    return next(s for s in log.series if s.tag == tag)


def kinds(log: RawLog) -> list[str]:
    return [note.kind for note in log.notes]


def accepts(text: str) -> bool:
    return TextLog().accepts("notes.txt", text.encode()[:4096])


def nnunet(first: int, stop: int) -> list[str]:
    """nnU-Net: a block of timed lines per epoch, the polynomial LR rounded to 5 decimals."""
    lines = ["Configuration name: 3d_fullres", " {'batch_size': 9, 'patch_size': [40, 56]}", ""]
    for epoch in range(first, stop):
        at = f"2023-03-21 11:{epoch // 60:02d}:{epoch % 60:02d}.500000:"
        lr = round(0.01 * (1 - epoch / 1000) ** 0.9, 5)
        lines += [f"{at} ", f"{at} Epoch {epoch} ", f"{at} Current learning rate: {lr} "]
        lines += [f"{at} train_loss {-0.5 - epoch / 1e3:.4f} ", f"{at} val_loss -0.4000 "]
    return lines


def test_nnunet_blocks_lie_on_epochs(tmp_path: Path) -> None:
    log = read(tmp_path, nnunet(0, 100), name="training_log_2023_3_21.txt")
    assert log.axis == "epoch"
    lr = series(log, "Current learning rate")
    assert lr.step.tolist() == list(range(100))
    np.testing.assert_allclose(lr.value, 0.01 * (1 - lr.step / 1000) ** 0.9, atol=5.1e-6)
    assert lr.wall_time is not None and np.diff(lr.wall_time)[0] == 1.0
    assert series(log, "train_loss").value[:2].tolist() == [-0.5, -0.501]
    assert log.hparams["batch_size"] == 9
    (note,) = log.notes
    assert note.kind == "rounded_values"
    assert note.message == "Current learning rate: printed with 5 decimals, resolution 1e-05"


def test_nnunet_resume_reads_one_log_per_file_with_their_epochs(tmp_path: Path) -> None:
    files = []
    for name, (first, stop) in {"a": (0, 60), "b": (50, 100)}.items():
        (tmp_path / f"training_log_{name}.txt").write_text("\n".join(nnunet(first, stop)))
        files.append(str(tmp_path / f"training_log_{name}.txt"))
    one, two = TextLog().read(files)
    assert series(one, "val_loss").step[-1] == 59
    assert series(two, "val_loss").step[0] == 50


def test_killed_in_its_first_epoch(tmp_path: Path) -> None:
    log = read(tmp_path, nnunet(0, 1)[:6])
    assert [(s.tag, s.value.tolist()) for s in log.series] == [("Current learning rate", [0.01])]


def test_steps_of_nanogpt(tmp_path: Path) -> None:
    lines = ["n_layer = 12", "learning_rate = 0.0006", "number of parameters: 123.59M"]
    for step in range(0, 100, 10):
        lines += [f"step {step}: train loss {4 - step / 50:.4f}, val loss 4.1000"] * (
            step % 50 == 0
        )
        lines += [f"iter {step}: loss {4 - step / 50:.4f}, time 10.2ms, mfu 3.1%"]
    log = read(tmp_path, lines)
    assert log.axis == "step"
    assert series(log, "loss").step.tolist() == list(range(0, 100, 10))
    assert series(log, "val loss").step.tolist() == [0, 50]
    assert dict(log.hparams) == {"n_layer": 12, "learning_rate": 0.0006}


def dino(epochs: int, batches: int, every: int, *, lr: float = 1e-4) -> list[str]:
    return [
        f"Epoch: [{e}/302]  [{b:4d}/{batches}]  eta: 1 day, 2:03:04  loss: {5 - e:.6f} (5.0)  "
        f"lr: {lr * (e * batches + b) / (epochs * batches):.6f} (0.000001)"
        for e in range(epochs)
        for b in range(0, batches, every)
    ]


def test_epoch_and_batch_make_one_step(tmp_path: Path) -> None:
    log = read(tmp_path, dino(3, 100, 20))
    assert log.axis == "iteration"
    loss = series(log, "loss")
    assert loss.step.tolist() == list(range(0, 300, 20))
    assert loss.value[0] == 5 and loss.value[-1] == 3
    assert series(log, "epoch").value.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert log.hparams["epochs"] == 302
    assert log.notes[0].message.startswith("steps are epoch x 100 + batch")


def test_rounded_staircase_names_its_resolution(tmp_path: Path) -> None:
    log = read(tmp_path, dino(3, 100, 5, lr=2e-5))
    assert np.ptp(np.unique(series(log, "lr").value)) < 2.1e-5
    assert "lr: printed with 6 decimals, resolution 1e-06" in [n.message for n in log.notes]


def test_lr_that_prints_as_zero_keeps_its_values_and_says_so(tmp_path: Path) -> None:
    log = read(tmp_path, dino(2, 100, 5, lr=1e-8))
    assert not series(log, "lr").value.any()
    assert "rounded_values" in kinds(log)


def test_lr_printed_in_full_is_not_called_rounded(tmp_path: Path) -> None:
    full = [f"step {i}: loss 1.5, lr {1e-3 * math.cos(i / 50)!r}" for i in range(50)]
    drops = [f"step {i}: loss 1.5, lr {0.1 * 0.1 ** (i // 20):g}" for i in range(50)]
    assert "rounded_values" not in kinds(read(tmp_path, full))
    assert "rounded_values" not in kinds(read(tmp_path, drops))


def test_significant_digits(tmp_path: Path) -> None:
    lines = [f"step {i}: loss 1.5, lr {1e-4 * (1 - i / 60):.2e}" for i in range(50)]
    (note,) = read(tmp_path, lines).notes
    assert note.message == "lr: printed with 3 significant digits, relative resolution 0.01"


def test_restart_with_another_batch_size_keeps_one_scale(tmp_path: Path) -> None:
    log = read(tmp_path, [*dino(2, 100, 50), *dino(3, 50, 25)[4:]])
    assert series(log, "loss").step.tolist() == [0, 50, 100, 150, 200, 250]
    log = read(tmp_path, [*dino(1, 100, 50), *dino(3, 50, 25)[2:]])
    assert series(log, "loss").step.tolist() == [0, 25, 50, 75, 100, 125]
    assert "epochs of 50, 100 batches are put on one scale" in log.notes[0].message


def test_absurd_position_is_left_out(tmp_path: Path) -> None:
    huge = "Epoch: [999999999/999999999]  [1/999999999999]  loss: 1.0"
    log = read(tmp_path, [*dino(2, 100, 50), huge])
    assert series(log, "loss").step.tolist() == [0, 50, 100, 150]


def test_start_from_scratch_has_its_own_scale(tmp_path: Path) -> None:
    log = read(tmp_path, [*dino(1, 100, 50), *dino(2, 80, 40)])
    assert series(log, "loss").step.tolist() == [0, 50, 0, 40, 80, 120]
    assert log.notes[0].message.startswith("steps are epoch x 100, then 80 + batch")


def test_validation_lines_do_not_move_the_position(tmp_path: Path) -> None:
    lines = []
    for epoch in (1, 2, 3):
        head = "2023/06/05 20:10:13 - mmengine - INFO - Epoch"
        lines += [f"{head}(train) [{epoch}][{b}/4]  lr: 4.0e-03  loss: 0.5" for b in (1, 2, 3, 4)]
        lines += [f"{head}(val) [{epoch}][9/9]    acc: 0.9  loss: 0.7"]
    log = read(tmp_path, lines)
    assert series(log, "loss").step.tolist() == list(range(1, 13))
    assert series(log, "val/loss").step.tolist() == [4, 8, 12]
    assert log.notes[0].message.startswith("steps are (epoch - 1) x 4 + batch")


def test_step_that_starts_over_each_epoch_is_a_batch(tmp_path: Path) -> None:
    lines = [
        f"Epoch [{e}/5], Step [{s}/60], Loss: {2 / (e * s):.4f}"
        for e in (1, 2, 3)
        for s in (20, 40, 60)
    ]
    assert series(read(tmp_path, lines), "Loss").step.tolist() == list(range(20, 181, 20))


def test_blocks_without_any_position_lie_on_rows(tmp_path: Path) -> None:
    lines = [t for i in range(5) for t in (f"loss: {2 - i / 10}", f"acc: {i / 10}", "lr: 0.1")]
    log = read(tmp_path, lines)
    assert log.axis == "row"
    assert series(log, "loss").step.tolist() == series(log, "lr").step.tolist() == [0, 1, 2, 3, 4]


def test_fractional_epochs_of_printed_dicts(tmp_path: Path) -> None:
    rows = [f"{{'loss': {2 - i / 10}, 'learning_rate': 1e-05, 'epoch': {i / 4}}}" for i in range(8)]
    log = read(tmp_path, rows)
    assert log.axis == "row"
    assert series(log, "epoch").value.tolist() == [i / 4 for i in range(8)]
    assert len(series(log, "learning_rate").step) == 8


def test_progress_bar_gives_the_step_of_printed_dicts(tmp_path: Path) -> None:
    lines = []
    for step in range(10, 60, 10):
        lines += [f" {step}%|# | {step}/100 [00:10<00:30, 1.0it/s]"]
        lines += [f"{{'loss': 1.5, 'epoch': {step / 50}}}"]
        lines += [" 50%|# | 5/10 [00:10<00:30, 1.0it/s]", "{'eval_loss': 1.7}"]
    log = read(tmp_path, lines)
    assert log.axis == "step"
    assert series(log, "loss").step.tolist() == series(log, "eval_loss").step.tolist()
    assert series(log, "loss").step.tolist() == [10, 20, 30, 40, 50]
    assert log.hparams["max_steps"] == 100


def test_settings_printed_again_at_a_restart_are_no_points(tmp_path: Path) -> None:
    rows = [f"step {i}: loss 2.0, lr 0.05" for i in range(20)]
    lines = ["lr: 0.1", *rows, "lr: 0.1", *(f"step {i}: loss 2.0, lr 0.05" for i in range(10, 30))]
    log = read(tmp_path, lines)
    assert log.hparams["lr"] == 0.1
    assert set(series(log, "lr").value) == {0.05}


def test_settings_with_several_values_are_left_out(tmp_path: Path) -> None:
    lines = ["dict(interval=1, lr=0.1)", "dict(interval=10)", "epochs = 30", "name: abc"]
    lines += ["hook = dict(", "    type='A',", "    rule=None,", "    type='B')"]
    log = read(tmp_path, [*lines, *(f"step {i}: loss 2.0" for i in range(5))])
    assert dict(log.hparams) == {"lr": 0.1, "epochs": 30, "name": "abc", "rule": None}


def test_carriage_returns_and_colours(tmp_path: Path) -> None:
    bars = "\r".join(f"\x1b[1m{i}/4 [==>]\x1b[0m - loss: {i}.5 - lr: 0.1" for i in range(1, 5))
    log = read(tmp_path, [f"Epoch {e}/3\n{bars}" for e in (1, 2, 3)])
    assert series(log, "loss").step.tolist() == list(range(1, 13))


def test_non_finite_values_stay(tmp_path: Path) -> None:
    lines = [f"step {i}: loss {v}" for i, v in enumerate(["1.0", "nan", "NaN", "inf", "-inf"])]
    got = series(read(tmp_path, lines), "loss").value
    assert np.isnan(got[1:3]).all() and got[3:].tolist() == [math.inf, -math.inf]


def test_number_cut_at_the_end_of_the_file_is_left_out(tmp_path: Path) -> None:
    lines = [f"step {i}: loss 2.0, lr 1.25e-05" for i in range(5)]
    log = read(tmp_path, [*lines, "step 5: loss 2.0, lr 1.25e-0"], end="")
    assert len(series(log, "lr").step) == 5 and len(series(log, "loss").step) == 6
    assert kinds(log)[-1] == "truncated"


def test_conflict_markers_and_overlong_lines_are_noted(tmp_path: Path) -> None:
    rows = [f"step {i}: loss 2.0" for i in range(10)]
    junk = ["<<<<<<< HEAD", rows[5], "=======", rows[5], ">>>>>>> main", "loss: 1 " * 10_000]
    log = read(tmp_path, [*rows[:5], *junk, *rows[6:], "x" * 10_000_000])
    assert set(series(log, "loss").step) == set(range(10))
    assert kinds(log).count("conflict-markers") == 1
    assert kinds(log).count("long-line") == 2


def test_preamble_longer_than_the_head(tmp_path: Path) -> None:
    preamble = [f"some_path_{i} = '/data/{i}'" for i in range(2000)]
    lines = [*preamble, *(f"step {i}: loss 2.0" for i in range(10))]
    assert len(series(read(tmp_path, lines), "loss").step) == 10
    packed = tmp_path / "b.log.gz"
    packed.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert TextLog().accepts(str(tmp_path / "b.log"), read_head(str(packed)))


@pytest.mark.parametrize(
    "text",
    [
        "# My project\nTrain with lr 0.001 for 90 epochs. The final loss is 0.5.\n" * 20,
        "numpy==1.26\ntorch==2.3\n",
        "epoch,loss\n1,0.5\n2,0.4\n3,0.3\n",
        "Copyright 2020. Version 2.0, January 2004\n" * 10,
        "2023-01-01 10:00:00 INFO connected to 10.0.0.1:8080 in 35ms\n" * 10,
        "loss: 0.5\nlr: 0.1\n",
        "",
    ],
    ids=["readme", "requirements", "csv", "licence", "server", "two lines", "empty"],
)
def test_other_texts_are_no_logs(text: str) -> None:
    assert not accepts(text)


def test_text_without_signals_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("nothing here 1\n")
    with pytest.raises(ReadError, match="no line with a loss or an LR"):
        list(TextLog().read([str(tmp_path / "a.txt")]))


def test_many_kinds_of_lines_keep_their_order(tmp_path: Path) -> None:
    lines = [f"step {i}: loss {i}.0, part{i % 700} 1" for i in range(6000)]
    lines = [line + " extra=2" * (i % 3 == 0) for i, line in enumerate(lines)]
    loss = series(read(tmp_path, lines), "loss")
    assert loss.step.tolist() == list(range(6000)) == loss.value.tolist()


words = st.sampled_from(
    ["epoch ", "step ", "loss: ", "lr=", "[", "]", "/", "12", "0.5", "nan", " ", "\n", "\r",
     "\x1b[", "val ", "9" * 30, "1e999", "-", "é", "\x00", "2023-01-01 10:00:00 ", "100%|",
     "Epoch: [1/2]"]
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.lists(words, max_size=60).map("".join))
def test_hostile_text_ends_in_a_log_or_a_read_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.log"
    file.write_text(text, newline="")
    TextLog().accepts(str(file), text.encode()[:4096])
    try:
        (log,) = TextLog().read([str(file)])
    except ReadError:
        return
    assert len({s.tag for s in log.series}) == len(log.series)
    assert all(len(s.step) == len(s.value) > 0 for s in log.series)


def test_settings_left_out_are_counted(tmp_path: Path) -> None:
    names = [f"name_{i}: resnet" for i in range(2010)]
    steps = [f"step {i}: loss {3 / (i + 1):.4f}" for i in range(40)]
    log = read(tmp_path, [*names, *steps])
    assert len(log.hparams) == 2000
    assert "10 settings beyond the first 2000 left out" in [n.message for n in log.notes]


def test_progress_bar_of_lone_carriage_returns_is_a_log(tmp_path: Path) -> None:
    bars = [f" {i}%|##| {i}/90 [00:01<00:02, loss={1 / (i + 1):.4f}, lr=0.1]" for i in range(90)]
    (tmp_path / "bar.log").write_bytes("\r".join(bars).encode())
    assert TextLog().accepts("bar.log", "\r".join(bars).encode()[:4096])
    (log,) = TextLog().read([str(tmp_path / "bar.log")])
    assert len(series(log, "loss").step) >= 89
