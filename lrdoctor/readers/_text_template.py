"""Reads the lines of a console log, the repeating ones by templates learnt from the first of them.

Finding names and positions in a line costs some 50 µs. Programs print few kinds of lines, though,
and those differ in their numbers alone: after three of a kind, a pattern with the words as they
stand and a group for each number of interest reads the rest in a few µs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lrdoctor.readers._text_position import Position, as_position, position
from lrdoctor.readers._text_tokens import Place, numbers

_LEARN_AFTER = 3
_MOST_TEMPLATES = 200
_MOST_KINDS = 5000
_TRIED = 4

_DIGITS = re.compile(r"\d++(?:\.\d*+)?(?:[eE][-+]?\d++)?")
_SPACES = re.compile(r"\s+")
_ANY = r"(?:\d++(?:\.\d*+)?(?:[eE][-+]?\d++)?)"
_VALUE = r"([-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?|[-+]?(?:nan|inf|NaN|Infinity))"
_COUNTER = r"(\d{1,15}+)"
_EPOCH = r"(\d{1,9}+(?:\.\d{1,20}+)?)"


@dataclass(slots=True)
class Parsed:
    """The tags of a line with their numbers as printed, and the position it says."""

    tags: tuple[str, ...]
    texts: tuple[str, ...]
    position: Position | None


@dataclass(slots=True, eq=False)
class _Template:
    """One kind of line. ``order`` are the groups of the tags, then of the position's fields."""

    pattern: re.Pattern[str]
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    order: tuple[int, ...]
    following: _Template | None = None

    def read(self, line: str) -> Parsed | None:
        """What the line says; None where it is of another kind."""
        match = self.pattern.fullmatch(line)
        if match is None:
            return None
        groups = match.groups()
        texts = tuple([groups[i] for i in self.order])
        count = len(self.tags)
        if not self.fields:
            return Parsed(self.tags, texts, None)
        here = as_position(self.fields, texts[count:])
        return Parsed(self.tags, texts[:count], here) if here.plausible else None


@dataclass
class LineParser:
    """Parses line after line; what it learns does not change what it returns."""

    _recent: list[_Template] = field(default_factory=list)
    _last: _Template | None = None
    _seen: dict[int, int] = field(default_factory=dict)
    _learnt: int = 0

    def parse(self, line: str, section: str = "") -> Parsed:
        """The named numbers and the position of one line. ``section``: see ``numbers``."""
        if section:
            return parse_line(line, section)
        guess = self._last.following if self._last else None
        if guess is not None and (found := guess.read(line)) is not None:
            self._last = guess
            return found
        for template in self._recent:
            if template is not guess and (found := template.read(line)) is not None:
                self._follow(template)
                return found
        tags, fields = numbers(line), position(line)
        if self._learnt < _MOST_TEMPLATES and self._is_common(line):
            learnt = _template(line, tags, fields)
            if learnt is not None:
                self._learnt += 1
                self._follow(learnt)
        return _parsed(line, tags, fields)

    def _follow(self, template: _Template) -> None:
        if self._last is not None:
            self._last.following = template
        self._last = template
        if template not in self._recent:
            self._recent.insert(0, template)
            del self._recent[_TRIED:]

    def _is_common(self, line: str) -> bool:
        kind = hash(_SPACES.sub(" ", _DIGITS.sub("0", line)))
        if len(self._seen) > _MOST_KINDS:
            self._seen.clear()
        self._seen[kind] = self._seen.get(kind, 0) + 1
        return self._seen[kind] == _LEARN_AFTER


def parse_line(line: str, section: str = "") -> Parsed:
    """The named numbers and the position of one line."""
    return _parsed(line, numbers(line, section), position(line))


def _parsed(line: str, tags: list[Place], fields: list[Place]) -> Parsed:
    here = as_position([f for f, _, _ in fields], [line[a:b] for _, a, b in fields])
    return Parsed(
        tuple(tag for tag, _, _ in tags),
        tuple(line[start:stop] for _, start, stop in tags),
        here if fields else None,
    )


def _template(line: str, tags: list[Place], fields: list[Place]) -> _Template | None:
    """The kind of line that this one is; None where a number counts as value and position."""
    places = [(a, b, _VALUE) for _, a, b in tags]
    places += [(a, b, _EPOCH if name == "epoch" else _COUNTER) for name, a, b in fields]
    order = sorted(range(len(places)), key=places.__getitem__)
    pattern, at = "", 0
    for index in order:
        start, stop, group = places[index]
        if start < at:
            return None
        pattern += _literal(line[at:start]) + group
        at = stop
    group_of = {index: group for group, index in enumerate(order)}
    return _Template(
        re.compile(pattern + _literal(line[at:])),
        tuple(tag for tag, _, _ in tags),
        tuple(name for name, _, _ in fields),
        tuple(group_of[i] for i in range(len(places))),
    )


def _literal(text: str) -> str:
    """A pattern for the text with any other numbers, padded to any width."""
    parts = _DIGITS.split(text)
    return _ANY.join(_padded(part) for part in parts)


def _padded(text: str) -> str:
    pieces, at = [], 0
    for match in _SPACES.finditer(text):
        pieces.append(re.escape(text[at : match.start()]))
        # Only padding after punctuation may vanish: "[ 50/100]", "[100/100]".
        before = text[match.start() - 1] if match.start() else "x"
        ends = match.end() == len(text)
        pieces.append(r"\s*+" if ends and not (before.isalnum() or before == "_") else r"\s++")
        at = match.end()
    return "".join([*pieces, re.escape(text[at:])])
