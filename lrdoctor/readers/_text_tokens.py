"""What one line of a console log says: named numbers, and the time.

Knows ``key: value`` and ``key=value`` with keys of several words, ``'key': value`` of printed
dicts, ``train_loss -0.2`` without a separator for names that only training logs have, and the
running averages of meter printers (``loss: 2.1 (2.3)``: the current value stands first and is
taken). Every repetition in a pattern is bounded or possessive, so that hostile lines cost no more
than others.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias

from lrdoctor.roles_names import looks_like_lr

Place: TypeAlias = tuple[str, int, int]
"""A name and where its number stands in the line, ``[start, stop)``."""

_NUMBER = r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:e[-+]?\d++)?|[-+]?(?:nan|inf(?:inity)?)"
# A number that goes on in "0:01:30", "2023-05-01", "1.2.3", "45/100", "124M" or "1,000" is none.
_NUMBER_ENDS = r"(?:ms|s|%)?(?![\w:/]|[-.]\d|,\d{3}\b)"
_WORD = r"[a-z_][\w@]*+(?:[./-][\w@]++){0,12}+"
_KEY = rf"{_WORD}(?:[ ]{_WORD}){{0,4}}+(?:[ ]?\([\w %/]{{1,12}}\))?+"
# Names that are followed by their value without ":" or "=".
_BARE = (
    r"(?:(?:train(?:ing)?|val(?:id(?:ation)?)?|test|eval|best|lm|avg|average|mean|total|current|"
    r"running|grad)[ ]){0,2}(?:\w{0,40}loss\w{0,20}|lr|learning[ ]rate|acc(?:uracy)?(?:@\d)?|"
    r"ppl|perplexity|norm|wer)"
)
_SECTION = r"train|training|val|valid|validation|eval|evaluation|test|testing"
_TOKEN = re.compile(
    rf"(?<![\w.])(?:(?P<quote>['\"]?)(?P<key>{_KEY})(?P=quote)\s{{0,8}}(?:[:=]|=>)\s{{0,16}}"
    rf"(?:tensor\(|['\"]|(?P<list>\[))?(?P<value>{_NUMBER})(?(list)\]|{_NUMBER_ENDS})"
    rf"|(?P<bare>{_BARE})\s{{1,8}}(?P<bare_value>{_NUMBER}){_NUMBER_ENDS}"
    rf"|(?P<section>{_SECTION})\b)",
    re.IGNORECASE,
)
_HEADLINE = re.compile(
    rf"[\W_]*({_SECTION})(?: (?:phase|set|results?|metrics|stats))?[\W_]*", re.IGNORECASE
)
_TIME = re.compile(
    r"[\s\[(<]{0,4}(\d{4})[-/](\d\d)[-/](\d\d)[T _](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6}))?"
)
_ESCAPES = re.compile(r"\x1b\[[\d;?]*+[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_LEVELS = frozenset({"INFO", "DEBUG", "WARNING", "ERROR", "NOTICE", "root"})
_POSITIONS = frozenset({
    "epoch", "step", "iter", "iteration", "global_step", "globalstep", "num_updates", "update",
    "batch", "eta", *_SECTION.split("|"),
})  # fmt: skip
_OWN_SECTION = re.compile(rf"(?<![a-z])(?:{_SECTION})(?![a-z])", re.IGNORECASE)
_PREFIXES = {"tra": "", "val": "val", "eva": "eval", "tes": "test"}


def clean(line: str) -> str:
    """The line without terminal colours and control characters."""
    return line if line.isprintable() else _ESCAPES.sub("", line)


def numbers(line: str, section: str = "") -> list[Place]:
    """``(tag, start, stop)`` of each named number, current values only.

    After a word such as "val" or "Test:" tags get the prefix "val/", "eval/" or "test/", unless
    they say it themselves or are an LR; ``section`` is the prefix the line begins with. A tag that
    comes twice counts once.
    """
    found: dict[str, Place] = {}
    for match in _TOKEN.finditer(line):
        if match["section"]:
            section = section_of(match["section"])
            continue
        kind = "key" if match["key"] else "bare"
        tag = _tag(match[kind], section)
        if tag:
            found.setdefault(tag, (tag, *match.span("value" if kind == "key" else "bare_value")))
    return list(found.values())


def headline(line: str) -> str | None:
    """The prefix a line like "--- Validation ---" sets for those below it; None for others."""
    found = _HEADLINE.fullmatch(line) if len(line) < 80 else None
    return section_of(found[1]) if found else None


def section_of(word: str) -> str:
    """The prefix for a word such as "Validation"; "" for training."""
    return _PREFIXES[word[:3].lower()]


@lru_cache(maxsize=4096)
def _tag(key: str, section: str) -> str:
    """The tag for a key as printed; "" where it names a position in training."""
    words = key.split(" ")
    while len(words) > 1 and words[0] in _LEVELS:
        del words[0]
    if re.split(r"[./]", words[-1])[-1].lower() in _POSITIONS:
        return ""
    name = " ".join(words)
    plain = not section or _OWN_SECTION.search(name) or looks_like_lr(name)
    return name if plain else f"{section}/{name}"


def wall_time(line: str) -> float | None:
    """Unix seconds of a date and time that begins the line, read as UTC (the zone is not said)."""
    found = _TIME.match(line) if "20" in line[:7] or "19" in line[:7] else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    micro = int((found[7] or "0").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, micro, UTC).timestamp()
    except ValueError:
        return None
