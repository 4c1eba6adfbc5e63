"""Writes a history as the log of a real tool, with the configuration beside it.

Each writer takes a history and an empty folder. Wall times are invented (one second per step from
a fixed date) so that the same training gives the same files. A training that was resumed leaves
what the tool leaves: a second event file, rows appended to the table of the first process; the
Trainer's state alone comes out of the checkpoint and knows nothing of what was lost.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.accuracy.lab import History

START = 1_767_225_600.0  # 2026-01-01T00:00:00Z
Row = dict[str, object]


def write(history: History, folder: Path, writer: str, *, intent: bool = True) -> None:
    """Writes one log by the named writer; ``intent`` False leaves the configuration out."""
    folder.mkdir(parents=True, exist_ok=True)
    earlier: dict[Path, str] = {}
    if history.before is not None and writer != trainer_state.__name__:
        write(history.before, folder, writer, intent=intent)
        tables = (p for p in folder.iterdir() if p.suffix in {".csv", ".jsonl"})
        earlier = {path: path.read_text() for path in tables}
    WRITERS[writer](history, folder, intent)
    for path, text in earlier.items():
        rows = path.read_text()
        path.write_text(text + (rows.partition("\n")[2] if path.suffix == ".csv" else rows))


def _points(history: History, most: int = 800) -> np.ndarray:
    """Steps at which a training script would log: every 1, 2, 5, 10 … steps, at most ``most``."""
    total = len(history.loss)
    whole = max(total, history.whole)
    every = next(k for k in (1, 2, 5, 10, 20, 50, 100) if whole / k <= most)
    points = np.arange(every - 1, total, every)
    return points[points >= history.first_epoch * history.steps_per_epoch]


def _epochs(history: History) -> range:
    """The epochs that this process logs."""
    return range(history.first_epoch, history.epochs)


# ------------------------------------------------------------------------------------ TensorBoard


def tensorboard(history: History, folder: Path, intent: bool) -> None:
    """``torch.utils.tensorboard`` event file, with ``hparams.yaml`` as Lightning leaves it."""
    _event_file(history, folder, _points(history))
    if intent:
        _yaml(folder / "hparams.yaml", {**_common(history), **history.recipe.intent})


def tensorboard_dense(history: History, folder: Path, intent: bool) -> None:
    """The same with every optimizer step."""
    _event_file(history, folder, np.arange(len(history.loss)))
    if intent:
        _yaml(folder / "hparams.yaml", {**_common(history), **history.recipe.intent})


def tensorboard_purged(history: History, folder: Path, intent: bool) -> None:
    """The same where a script that resumes tells the writer so (``purge_step``)."""
    first = history.first_epoch * history.steps_per_epoch
    _event_file(history, folder, _points(history), purge_step=first or None)
    if intent:
        _yaml(folder / "hparams.yaml", {**_common(history), **history.recipe.intent})


def _event_file(
    history: History, folder: Path, points: np.ndarray, purge_step: int | None = None
) -> None:
    from torch.utils.tensorboard import SummaryWriter

    start = START + history.late
    began = start + history.first_epoch * history.steps_per_epoch
    clock = "tensorboard.summary.writer.event_file_writer.time.time"
    host = "tensorboard.summary.writer.event_file_writer.socket.gethostname"
    with mock.patch(clock, return_value=began), mock.patch(host, return_value="lab"):
        writer = SummaryWriter(str(folder), purge_step=purge_step)
        writer._get_file_writer()
    for step in points:
        at = {"global_step": int(step), "walltime": start + float(step)}
        writer.add_scalar("train/loss", history.loss[step], **at)
        for tag, lr in _lr_tags(history).items():
            if not math.isnan(lr[step]):
                writer.add_scalar(tag, lr[step], **at)
    if history.untrained is not None:
        at = {"global_step": 0, "walltime": START}
        writer.add_scalar("val/loss", history.untrained[0], **at)
        writer.add_scalar("val/score", history.untrained[1], **at)
    for epoch in _epochs(history):
        step = _last_step(history, epoch)
        at = {"global_step": step, "walltime": start + step + 0.5}
        writer.add_scalar("val/loss", history.val_loss[epoch], **at)
        writer.add_scalar("val/score", history.accuracy[epoch], **at)
        writer.add_scalar("epoch", epoch, **at)
    writer.close()
    name = f"events.out.tfevents.{int(began)}.lab"
    made = next(path for path in folder.glob(f"{name}.*") if path.name != f"{name}.1.0")
    made.rename(folder / f"{name}.1.0")


def _lr_tags(history: History) -> dict[str, np.ndarray]:
    """Tags as Lightning's LearningRateMonitor names them: ``lr-SGD``, ``lr-AdamW/head``."""
    base = f"lr-{history.recipe.optimizer}"
    if len(history.lr) == 1:
        return {base: next(iter(history.lr.values()))}
    return {f"{base}/{name}": lr for name, lr in history.lr.items()}


# ---------------------------------------------------------------------------------- Lightning CSV


def lightning_csv(history: History, folder: Path, intent: bool) -> None:
    """``metrics.csv`` of Lightning's CSVLogger: sparse rows, and ``hparams.yaml`` beside it."""
    tags = _lr_tags(history)
    rows: list[tuple[int, int, Row]] = []
    for step in _points(history):
        lrs = {tag: lr[step] for tag, lr in tags.items() if not math.isnan(lr[step])}
        rows.append((int(step), 0, lrs))
        rows.append((int(step), 1, {"train_loss": history.loss[step]}))
    for epoch in _epochs(history):
        values = {"val_loss": history.val_loss[epoch], "val_acc": history.accuracy[epoch]}
        rows.append((_last_step(history, epoch), 2, values))
    rows.sort(key=lambda row: row[:2])
    columns = [*sorted([*tags, "train_loss", "val_acc", "val_loss"]), "epoch", "step"]
    with (folder / "metrics.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        for step, _, values in rows:
            known = {**values, "epoch": step // history.steps_per_epoch, "step": step}
            # Lightning leaves out what was not logged and writes a NaN that was as "nan".
            row = [known.get(name, "") for name in columns]
            table.writerow([repr(float(v)) if isinstance(v, float) else v for v in row])
    if intent:
        _yaml(folder / "hparams.yaml", {**_common(history), **history.recipe.intent})


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return str(value)


# ------------------------------------------------------------------------ Hugging Face, ultralytics


def trainer_state(history: History, folder: Path, intent: bool) -> None:
    """``trainer_state.json`` of the Hugging Face Trainer, evaluation rows between training rows.

    The loss is the mean since the last row. Plan and progress (``max_steps``) are in the file;
    ``intent`` adds the arguments as ``config.json``.
    """
    history = replace(history, first_epoch=0)
    points = _points(history, 150)
    every = int(points[1] - points[0])
    per_epoch = history.steps_per_epoch
    rows: list[Row] = []
    for step in points:
        since = history.loss[step + 1 - every : step + 1]
        # logging_nan_inf_filter: losses that are not finite count as the mean of the others.
        mean = float(np.mean(since[np.isfinite(since)])) if np.isfinite(since).any() else 0.0
        rows.append(
            {
                "epoch": round((int(step) + 1) / per_epoch, 4),
                "grad_norm": float(history.grad_norm[step]),
                "learning_rate": float(next(iter(history.lr.values()))[step]),
                "loss": round(mean, 4),
                "step": int(step) + 1,
            }
        )
    for epoch in _epochs(history):
        row: Row = {"epoch": float(epoch + 1), "eval_loss": float(history.val_loss[epoch])}
        rows.append({**row, "eval_runtime": 0.1, "step": _last_step(history, epoch) + 1})
    rows.sort(key=lambda row: (row["step"], "eval_loss" in row))
    state = {
        "best_global_step": None,
        "best_metric": None,
        "epoch": float(history.epochs),
        "eval_steps": per_epoch,
        "global_step": len(history.loss),
        "is_world_process_zero": True,
        "log_history": rows,
        "logging_steps": every,
        "max_steps": per_epoch * history.recipe.epochs,
        "num_train_epochs": history.recipe.epochs,
        "train_batch_size": history.recipe.batch_size,
    }
    _json(folder / "trainer_state.json", state)
    if intent:
        arguments = {
            "num_train_epochs": history.recipe.epochs,
            "per_device_train_batch_size": history.recipe.batch_size,
            "gradient_accumulation_steps": history.recipe.accumulation,
        }
        _json(folder / "config.json", {**arguments, **history.recipe.intent})


def ultralytics_csv(history: History, folder: Path, intent: bool) -> None:
    """``results.csv`` with one row per epoch, padded as older versions did, and ``args.yaml``."""
    rows = []
    for epoch in _epochs(history):
        row: Row = {"epoch": epoch + 1, "time": float(8 * (epoch + 1))}
        row |= {f"train/{k}": v[epoch] for k, v in history.train_parts.items()}
        row |= {"metrics/mAP50(B)": history.accuracy[epoch]}
        row |= {f"val/{k}": v[epoch] for k, v in history.val_parts.items()}
        last = _last_step(history, epoch)
        row |= {f"lr/{name}": lr[last] for name, lr in history.lr.items()}
        rows.append(row)
    lines = [",".join(f"{name:>23}" for name in rows[0])]
    lines += [",".join(f"{value:>23.5g}" for value in row.values()) for row in rows]
    (folder / "results.csv").write_text("\n".join(lines) + "\n")
    if intent:
        known = {"task": "detect", "epochs": history.recipe.epochs}
        known |= {"batch": history.recipe.batch_size, "optimizer": "SGD", "cos_lr": "false"}
        _yaml(folder / "args.yaml", {**known, **history.recipe.intent})


# ------------------------------------------------------------------------------------- JSON lines


def json_lines(history: History, folder: Path, intent: bool) -> None:
    """``log.jsonl``, a row per logged step, validation at epoch ends, and ``config.json``."""
    names = {name: "lr" if len(history.lr) == 1 else f"lr_{name}" for name in history.lr}
    rows: dict[int, Row] = {}
    for step in _points(history):
        row: Row = {"step": int(step), "epoch": int(step) // history.steps_per_epoch}
        row["loss"] = round(float(history.loss[step]), 6)
        for name, lr in history.lr.items():
            if not math.isnan(lr[step]):
                row[names[name]] = float(lr[step])
        rows[int(step)] = row
    if history.untrained is not None:
        row = rows.setdefault(0, {"step": 0, "epoch": 0})
        row["val_loss"] = round(history.untrained[0], 6)
    for epoch in _epochs(history):
        step = _last_step(history, epoch)
        row = rows.setdefault(step, {"step": step, "epoch": epoch})
        row["val_loss"] = round(float(history.val_loss[epoch]), 6)
    lines = [json.dumps(rows[step]) for step in sorted(rows)]
    (folder / "log.jsonl").write_text("\n".join(lines) + "\n")
    if intent:
        _json(folder / "config.json", {**_common(history), **history.recipe.intent})


# ------------------------------------------------------------------------ Weights & Biases exports


def wandb_rows(history: History, folder: Path, intent: bool) -> None:
    """``history.csv`` as ``run.scan_history()`` gives it: the row of every step."""
    _wandb_csv(history, folder, np.arange(len(history.loss)), intent)


def wandb_sample(history: History, folder: Path, intent: bool) -> None:
    """``history.csv`` as ``run.history()`` gives it: 500 rows drawn at random."""
    total = len(history.loss)
    drawn = np.random.default_rng(total).choice(total, min(500, total), replace=False)
    _wandb_csv(history, folder, np.sort(drawn), intent)


def _wandb_csv(history: History, folder: Path, points: np.ndarray, intent: bool) -> None:
    names = {name: "lr" if len(history.lr) == 1 else f"lr/{name}" for name in history.lr}
    with (folder / "history.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["_step", "train/loss", *names.values()])
        for step in points:
            rates = (f"{history.lr[name][step]:.6g}" for name in names)
            table.writerow([step, f"{history.loss[step]:.6g}", *rates])
    if intent:
        _json(folder / "config.json", {**_common(history), **history.recipe.intent})


# ------------------------------------------------------------------------------- one row an epoch


def epoch_csv(history: History, folder: Path, intent: bool) -> None:
    """``training_log.csv`` with a row per epoch, as hand-written loops leave it."""
    names = {name: "lr" if len(history.lr) == 1 else f"lr_{name}" for name in history.lr}
    with (folder / "training_log.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["epoch", "train_loss", "val_loss", "val_score", *names.values()])
        for epoch in _epochs(history):
            losses = (history.train_loss[epoch], history.val_loss[epoch], history.accuracy[epoch])
            rates = (float(history.lr[name][_last_step(history, epoch)]) for name in names)
            table.writerow([epoch + 1, *(f"{v:.6f}" for v in losses), *map(_cell, rates)])
    if intent:
        _json(folder / "config.json", {**_common(history), **history.recipe.intent})


def keras_csv(history: History, folder: Path, intent: bool) -> None:
    """The log of Keras's CSVLogger: a row per epoch, and no LR unless a callback adds it."""
    with (folder / "training_log.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["epoch", "loss", "val_accuracy", "val_loss"])
        for epoch in range(history.epochs):
            losses = (history.train_loss[epoch], history.accuracy[epoch], history.val_loss[epoch])
            table.writerow([epoch, *map(repr, map(float, losses))])
    if intent:
        _json(folder / "config.json", {**_common(history), **history.recipe.intent})


def _last_step(history: History, epoch: int) -> int:
    return (epoch + 1) * history.steps_per_epoch - 1


def _common(history: History) -> dict[str, object]:
    return {"max_epochs": history.recipe.epochs, "batch_size": history.recipe.batch_size}


def _yaml(path: Path, values: Mapping[str, object]) -> None:
    path.write_text("".join(f"{key}: {value}\n" for key, value in values.items()))


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


WRITERS: dict[str, Callable[[History, Path, bool], None]] = {
    writer.__name__: writer
    for writer in (
        tensorboard,
        tensorboard_dense,
        tensorboard_purged,
        lightning_csv,
        trainer_state,
        ultralytics_csv,
        json_lines,
        wandb_rows,
        wandb_sample,
        epoch_csv,
        keras_csv,
    )
}
