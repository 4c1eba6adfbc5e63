"""A small detectron2-style log for the reader contract: JSON lines, one NaN."""

from __future__ import annotations

import json
import math

_ROWS = [
    {
        "data_time": 0.01,
        "iteration": i * 20 + 19,
        "lr": 0.001 * (i + 1),
        "total_loss": math.nan if i == 5 else 3 - i / 10,
        "eta": "0:01:03",
    }
    for i in range(12)
]

FILES = {"output/metrics.json": "".join(json.dumps(row) + "\n" for row in _ROWS).encode()}
EXPECTED = {
    "lr": ([i * 20 + 19 for i in range(12)], [0.001 * (i + 1) for i in range(12)]),
    "total_loss": (
        [i * 20 + 19 for i in range(12)],
        [math.nan if i == 5 else 3 - i / 10 for i in range(12)],
    ),
}
