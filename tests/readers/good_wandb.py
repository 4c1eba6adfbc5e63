"""A small W&B log for the reader contract, with one NaN and a config."""

from __future__ import annotations

import math

from tests.readers.test_wandb import config, framed, history

_LOSS = [2 - i / 20 if i != 7 else math.nan for i in range(20)]
_ROWS = [history({"loss": _LOSS[i], "lr": 0.1 - i / 1000, "_step": 5 * i}) for i in range(20)]

FILES = {"run-20260101_000000-abc/run-abc.wandb": framed([config({"lr": 0.1}), *_ROWS])}
EXPECTED = {
    "loss": ([5 * i for i in range(20)], _LOSS),
    "lr": ([5 * i for i in range(20)], [0.1 - i / 1000 for i in range(20)]),
}
