"""A small document of column lists for the reader contract: own axes per table, one NaN."""

from __future__ import annotations

import json
import math

_DOCUMENT = {
    "summary": {"final": 1.5},
    "config": {"lr": 0.001, "optimizer": {"name": "adamw"}},
    "history": {
        "train": {
            "iter": [50 * i for i in range(1, 11)],
            "train_lr": [0.001 / i for i in range(1, 11)],
            "train_loss": [math.nan if i == 4 else 5 - i / 10 for i in range(1, 11)],
        },
        "val": {"iter": [200, 400], "val_loss": [4.5, 4.25]},
    },
}

FILES = {"run/history.json": json.dumps(_DOCUMENT, indent=2).encode()}
EXPECTED = {
    "train.train_lr": ([50 * i for i in range(1, 11)], [0.001 / i for i in range(1, 11)]),
    "train.train_loss": (
        [50 * i for i in range(1, 11)],
        [math.nan if i == 4 else 5 - i / 10 for i in range(1, 11)],
    ),
    "val.val_loss": ([200, 400], [4.5, 4.25]),
}
