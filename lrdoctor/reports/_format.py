"""Numbers, positions and names as a report shows them; nothing from a log gets out unsanitised."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator

from lrdoctor.messages import UNIT_NOUN, number_text, units_text
from lrdoctor.types import ClockUnit
from lrdoctor.verdict import Diagnosis

ELLIPSIS = "…"
_NARROWEST = 8
# Control, format (bidi overrides, zero width), surrogates, private use, line and paragraph breaks.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: str) -> str:
    """The text with every character that is invisible or moves others spelled out (``\\u202e``).

    Newlines and tabs stay; what a terminal or a browser would act on does not.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(c) if unicodedata.category(c) in _HIDDEN else c for c in text)


def _spelled(char: str) -> str:
    if char in "\n\t":
        return char
    code = ord(char)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def lr_text(value: float) -> str:
    """An LR to four significant digits: "0.08536", "9.331e-4", "4e-7"."""
    if value and math.isfinite(value) and abs(value) < 1e-3:
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return number_text(value)


def one_line(text: str) -> str:
    """Visible text with every run of white space made one blank."""
    return " ".join(visible(text).split())


def cells(text: str) -> int:
    """Columns the text takes on a terminal."""
    return sum(map(_cell, text))


def _cell(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def middle(text: str, width: int) -> str:
    """The text in at most ``width`` columns, its middle left out: both ends of a path matter."""
    if cells(text) <= width:
        return text
    left = (width - 1) // 2
    head = _prefix(text, left)
    tail = _prefix(text[::-1], width - 1 - cells(head))[::-1]
    return f"{head}{ELLIPSIS}{tail}"


def _prefix(text: str, width: int) -> str:
    used = 0
    for index, char in enumerate(text):
        used += _cell(char)
        if used > width:
            return text[:index]
    return text


def wrap(text: str, width: int) -> Iterator[str]:
    """Lines of at most ``width`` columns, broken at blanks; a word is broken where it must be."""
    line, width = "", max(width, _NARROWEST)
    for word in text.split():
        while cells(word) > width:
            room = width - cells(line) - 1 if line else width
            if room < _NARROWEST:
                yield line
                line = ""
                continue
            head = _prefix(word, room)
            yield f"{line} {head}".strip()
            line, word = "", word[len(head) :]
        if line and cells(line) + 1 + cells(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    if line:
        yield line


def sentence(text: str) -> str:
    """The text with a capital at its start, unless it starts with a name such as ``lr/head``."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text[:1].upper() + text[1:] if first.isalpha() else text


def stopped(text: str) -> str:
    """The text with a full stop, unless it ends in a mark of its own."""
    return text if text.endswith((".", "!", "?", "…")) or not text else f"{text}."


def count(n: int, noun: str, plural: str | None = None) -> str:
    """ "1 run", "1,200 runs"."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def position(step: float, diagnosis: Diagnosis) -> str:
    """ "step 3,000 (epoch 3.3)": the epoch where the log tells it."""
    noun, per_epoch = UNIT_NOUN[diagnosis.unit], diagnosis.steps_per_epoch
    text = f"{noun} {number_text(step)}"
    if per_epoch and diagnosis.unit is not ClockUnit.EPOCH:
        text += f" (epoch {number_text(round(step / per_epoch, 2))})"
    return text


def span(start: float, stop: float, unit: ClockUnit) -> str:
    """ "steps 300–900" of a half-open interval."""
    noun = UNIT_NOUN[unit]
    if stop <= start + 1:
        return f"{noun} {number_text(start)}"
    return f"{units_text(unit)} {number_text(start)}–{number_text(stop)}"


def words(name: str) -> str:
    """A measured name as words: "loss_before" becomes "loss before"."""
    return name.replace("_", " ")


def scalar(value: object) -> str:
    """A hyper-parameter or schedule parameter as text, numbers to six digits."""
    if isinstance(value, bool) or value is None:
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        return str(int(value)) if whole else f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(scalar, value))
    return str(value)


def duration(seconds: float) -> str:
    """A time span in its largest fitting unit: "3.1 s", "5 min", "2.5 h"."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{number_text(round(seconds / size, 1))} {unit}"
    return f"{number_text(round(seconds, 3))} s"


def code_lines(line: str, width: int) -> Iterator[str]:
    """A line of a diff, long ones continued below at a deeper indent."""
    sign, rest = line[:1], line[1:]
    indent = " " * min(len(rest) - len(rest.lstrip()), width // 2)
    first = True
    for part in wrap(rest, width - len(indent) - 5):
        yield f"{sign}{indent}{'' if first else '    '}{part}"
        first = False


def changed_lines(diff: str) -> list[str]:
    """The lines a unified diff removes and adds, without its headers."""
    return [
        line.expandtabs(4)
        for line in diff.splitlines()
        if line[:1] in ("+", "-") and not line.startswith(("+++", "---"))
    ]
