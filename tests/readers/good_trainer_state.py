"""A small trainer state for the reader contract, with an evaluation row and one NaN."""

from __future__ import annotations

import json
import math

_STEPS = [10 * (i + 1) for i in range(20)]
_LOSS = [2 - i / 20 if i != 7 else math.nan for i in range(20)]
_LR = [1e-4 * (1 - s / 200) for s in _STEPS]
_ROWS: list[dict[str, float]] = [
    {"epoch": s / 100, "learning_rate": lr, "loss": loss, "step": s}
    for s, lr, loss in zip(_STEPS, _LR, _LOSS, strict=True)
]
_ROWS.insert(10, {"epoch": 1.0, "eval_loss": 1.5, "step": 100})

FILES = {
    "trainer_state.json": json.dumps(
        {"global_step": 200, "log_history": _ROWS, "max_steps": 200}, indent=2
    ).encode()
}
EXPECTED = {
    "learning_rate": (_STEPS, _LR),
    "loss": (_STEPS, _LOSS),
    "eval_loss": ([100], [1.5]),
}
