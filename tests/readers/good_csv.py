"""A small Lightning-style CSV for the reader contract: sparse rows, one NaN."""

from __future__ import annotations

import math

_ROWS = ["epoch,lr-Adam,step,train_loss,val_loss"]
_ROWS += [f",{0.1 * (1 - i / 20):.4f},{i * 10},," for i in range(20)]
_ROWS += [f"{i // 5},,{i * 10 + 9},{2 - i / 20 if i != 7 else math.nan}," for i in range(20)]
_ROWS += [f"{i},,{i * 50 + 49},,{1 + i}" for i in range(4)]

FILES = {"version_0/metrics.csv": "\n".join([*_ROWS, ""]).encode()}
EXPECTED = {
    "lr-Adam": ([i * 10 for i in range(20)], [0.1 * (1 - i / 20) for i in range(20)]),
    "train_loss": (
        [i * 10 + 9 for i in range(20)],
        [2 - i / 20 if i != 7 else math.nan for i in range(20)],
    ),
    "val_loss": ([49, 99, 149, 199], [1, 2, 3, 4]),
}
