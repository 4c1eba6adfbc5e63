"""A small console log for the reader contract: a preamble, rows of a training, one NaN."""

from __future__ import annotations

import math

_STEPS = [10 * i for i in range(20)]
_LOSS = [2 - i / 20 if i != 7 else math.nan for i in range(20)]
_LR = [0.1 - i / 1000 for i in range(20)]
_LINES = ["batch_size: 32", "scheduler: linear", "Starting training"]
_LINES += [
    f"step {s}: loss {loss:.4f}, lr {lr:.5f}, 12.50ms"
    for s, loss, lr in zip(_STEPS, _LOSS, _LR, strict=True)
]

FILES = {"train.log": "\n".join([*_LINES, ""]).encode()}
EXPECTED = {"loss": (_STEPS, _LOSS), "lr": (_STEPS, _LR)}
