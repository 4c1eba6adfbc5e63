"""Where a line of a console log says that training is: epoch, batch, step, and their totals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lrdoctor.readers._text_tokens import Place

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

    @property
    def plausible(self) -> bool:
        """Whether no counter is beyond its total, as in a date or a version."""
        return (self.batches is None or (self.batch or 0) <= self.batches > 0) and (
            self.steps is None or (self.step or 0) <= self.steps
        )


def as_position(names: Sequence[str], texts: Sequence[str]) -> Position:
    """The position from the names that ``position`` gives and the numbers at their places."""
    found = Position()
    for name, text in zip(names, texts, strict=True):
        if name == "epoch":
            found.epoch = float(text)
        elif name.startswith("bar_"):
            found.bar = True
            setattr(found, name[4:], int(text))
        else:
            setattr(found, name, int(text))
    return found


def position(line: str) -> list[Place]:
    """``(field of Position, start, stop)`` of each counter; those of held-out data are left out.

    A progress bar's are named "bar_batch" and "bar_batches".
    """
    lower = line.lower()
    found: dict[str, Place] = {}
    epoch = _EPOCH.search(line) if "epoch" in lower else None
    if epoch is None and "Train: " in line:
        epoch = _TIMM.search(line)
    if epoch is not None:
        _take(found, epoch, "epoch", "epoch")
        _take(found, epoch, "epochs", "epochs")
        if not _held_out(line, lower, epoch):
            _take_batch(found, epoch)
    if any(hint in lower for hint in _STEP_HINTS):
        for match in _STEP.finditer(line):
            _take_counter(found, match, _held_out(line, lower, match))
    if "[" in line and not found.keys() & {"batch", "step"} and (bar := _BAR.search(line)):
        _take_batch(found, bar, "bar_")
    return list(found.values())


def _take(found: dict[str, Place], match: re.Match[str], group: str, name: str) -> None:
    if match[group] and name not in found:
        found[name] = (name, *match.span(group))


def _take_batch(found: dict[str, Place], match: re.Match[str], prefix: str = "") -> None:
    """Takes "10/1351", not a date or a version."""
    if match["batch"] and int(match["batch"]) <= int(match["batches"]) > 0:
        _take(found, match, "batch", f"{prefix}batch")
        _take(found, match, "batches", f"{prefix}batches")


def _take_counter(found: dict[str, Place], match: re.Match[str], held_out: bool) -> None:
    """Takes a step, iteration or batch with its total."""
    name = "batch" if match["name"].lower() == "batch" else "step"
    total = {"batch": "batches", "step": "steps"}[name]
    if name in found or (held_out and (name == "batch" or match["steps"])):
        return
    _take(found, match, "step", name)
    if match["steps"] and int(match["steps"]) >= int(match["step"]):
        _take(found, match, "steps", total)


def _held_out(line: str, lower: str, match: re.Match[str]) -> bool:
    """Whether the counter counts validation or test data: "Epoch(val) [1][6/6]", "Test: [6/78]"."""
    if not ("val" in lower or "test" in lower):
        return False
    return _HELD_OUT.search(match["phase"] or line[: match.start()]) is not None
