"""Where a line of a console log says that training is: epoch, batch, step, and their totals."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPACE = r"\s{0,8}"
_BATCH = rf"(?P<batch>\d{{1,12}}){_SPACE}/{_SPACE}(?P<batches>\d{{1,12}})"
# "Epoch: [0/302]  [ 10/1351]", "Epoch(train) [1][ 50/791]", "epoch 001: 100 / 1000", "'epoch': 0.1"
_EPOCH = re.compile(
    r"(?<![\w.])(?<!max )(?<!best )(?<!total )(?<!num )['\"]?epoch['\"]?"
    rf"(?: ?\((?P<phase>\w{{1,10}})\))?{_SPACE}[:=#]?{_SPACE}['\"\[(]?{_SPACE}"
    rf"(?P<epoch>\d{{1,9}}(?:\.\d{{1,20}})?)\b{_SPACE}(?:/{_SPACE}(?P<epochs>\d{{1,9}}))?"
    rf"{_SPACE}[\])]?(?:[\s:,|-]{{0,8}}[\[(]?{_SPACE}{_BATCH})?",
    re.IGNORECASE,
)
# timm: "Train: 0 [  50/1251 (  4%)]"
_TIMM = re.compile(rf"\bTrain: (?P<epoch>\d{{1,9}}) \[{_SPACE}{_BATCH}(?P<epochs>)(?P<phase>)")
# "step 100/5000", "iter: 19", "Iter [50/160000]", "iteration 100/ 5000", "num_updates=7", "batch 3"
_STEP = re.compile(
    r"(?<![\w.])(?<!max )(?<!total )(?<!warmup )(?<!num )(?<!per )['\"]?"
    r"(?P<name>global[_ ]?step|step|iter|iteration|num_updates|update|batch)['\"]?"
    rf"(?: ?\((?P<phase>\w{{1,10}})\))?{_SPACE}[:=#]?{_SPACE}['\"\[(]?{_SPACE}"
    rf"(?P<step>\d{{1,15}})(?![\w.]){_SPACE}(?:(?:/|of\b){_SPACE}(?P<steps>\d{{1,15}})\b)?",
    re.IGNORECASE,
)
_STEP_HINTS = ("step", "iter", "update", "batch")
# tqdm: "| 30/1000 [00:10<"; Keras: "30/1000 [===>"
_BAR = re.compile(rf"(?:^|\|){_SPACE}{_BATCH}\s{{1,4}}\[")
_HELD_OUT = re.compile(
    r"(?<![a-z])(?:val|valid|validation|eval|evaluation|test|testing)(?![a-z])", re.IGNORECASE
)


@dataclass(slots=True)
class Position:
    """Where a line says that training is; None where it does not say.

    ``epochs``, ``batches`` and ``steps`` are the totals of "3/90". ``bar`` says that batch and
    batches come from a progress bar.
    """

    epoch: float | None = None
    epochs: int | None = None
    batch: int | None = None
    batches: int | None = None
    step: int | None = None
    steps: int | None = None
    bar: bool = False


def position(line: str) -> Position | None:
    """The position printed in a line, or None. Counters of held-out data are left out."""
    lower = line.lower()
    found = Position()
    said = False
    epoch = _EPOCH.search(line) if "epoch" in lower else None
    if epoch is None and "Train: " in line:
        epoch = _TIMM.search(line)
    if epoch is not None:
        said = True
        found.epoch = float(epoch["epoch"])
        found.epochs = int(epoch["epochs"]) if epoch["epochs"] else None
        if epoch["batch"] and not _held_out(line, lower, epoch):
            _set_batch(found, epoch)
    if any(hint in lower for hint in _STEP_HINTS):
        for match in _STEP.finditer(line):
            said |= _take_counter(found, match, _held_out(line, lower, match))
    if found.batch is None and found.step is None and "[" in line:
        bar = _BAR.search(line)
        if bar is not None:
            _set_batch(found, bar)
            found.bar = found.batch is not None
    return found if said or found.bar else None


def _set_batch(found: Position, match: re.Match[str]) -> None:
    """Takes "10/1351", not a date or a version."""
    batch, batches = int(match["batch"]), int(match["batches"])
    if 0 < batches >= batch:
        found.batch, found.batches = batch, batches


def _take_counter(found: Position, match: re.Match[str], held_out: bool) -> bool:
    """Takes a step, iteration or batch; whether it could be used."""
    value = int(match["step"])
    total = int(match["steps"]) if match["steps"] else None
    if total is not None and total < value:
        total = None
    is_batch = match["name"].lower() == "batch"
    if held_out and (is_batch or total is not None):
        return False
    if is_batch:
        if found.batch is None:
            found.batch, found.batches = value, total
    elif found.step is None:
        found.step, found.steps = value, total
    return True


def _held_out(line: str, lower: str, match: re.Match[str]) -> bool:
    """Whether the counter counts validation or test data: "Epoch(val) [1][6/6]", "Test: [6/78]"."""
    if not ("val" in lower or "test" in lower):
        return False
    return _HELD_OUT.search(match["phase"] or line[: match.start()]) is not None
