"""The seams: what a plug-in of each kind must offer.

A plug-in is a small frozen dataclass. Its fields are its parameters (a shape's curve parameters, a
detector's thresholds, a fix's margins), its class attributes its metadata; ``name`` is unique per
kind. ``lrdoctor.plugins`` finds one per file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from lrdoctor.types import Array, Case, RawLog, Role, Scalar, Segment

if TYPE_CHECKING:
    from lrdoctor.verdict import Candidate, Finding, Judgement, Report


class Shape(Protocol):
    """An atomic LR curve of local time."""

    name: ClassVar[str]

    def lr(self, t: Array) -> Array:
        """LR at local steps ``t: float64[m]``; the result has the same shape."""
        ...

    @classmethod
    def guess(cls, t: Array, lr: Array) -> Self | None:
        """The best shape of this kind through the points, or None where it cannot be one."""
        ...

    def parameters(self) -> Mapping[str, Scalar]:
        """Curve parameters by name, JSON values."""
        ...


class NamedSchedule(Protocol):
    """A schedule as its users call it; time 0 is the schedule's own first step."""

    name: ClassVar[str]

    def lr(self, t: Array) -> Array:
        """LR at local steps ``t: float64[m]``, quirks of the framework included."""
        ...

    def parameters(self) -> Mapping[str, Scalar | tuple[float, ...]]:
        """Parameters under the canonical names of the JSON report ("T_max", "warmup" …)."""
        ...

    @classmethod
    def recognise(cls, segments: tuple[Segment, ...]) -> Self | None:
        """The schedule these fitted segments are, in time local to the first; None if they are
        not of this family."""
        ...


class Detector(Protocol):
    """Measures one fault. Fields are thresholds; ``measures`` names what evidence may carry."""

    name: ClassVar[str]
    requires: ClassVar[frozenset[Role]]
    measures: ClassVar[frozenset[str]]

    def detect(self, case: Case) -> Iterator[Judgement]:
        """Evidence per occurrence; ``Unjudged`` where the log cannot decide; nothing if healthy."""
        ...


class Fix(Protocol):
    """Turns a finding into complete corrected schedules."""

    name: ClassVar[str]

    def propose(self, case: Case, finding: Finding) -> Iterator[Candidate]:
        """Candidates in the order an expert would try them; none where the fix does not apply."""
        ...


class Reader(Protocol):
    """Reads one log format. Interprets nothing: raw series in file order, oddities as notes."""

    name: ClassVar[str]
    patterns: ClassVar[tuple[str, ...]]
    priority: ClassVar[int]

    def accepts(self, path: str, head: bytes) -> bool:
        """Whether the file is of this format, from its path and first 4 KiB (uncompressed)."""
        ...

    def read(self, files: Sequence[str]) -> Iterator[RawLog]:
        """One raw log per file (or per independent part of one). Raises ``ReadError``."""
        ...


class Renderer(Protocol):
    """Turns a report into text of one format.

    ``suffix`` ends the file names that ask for it, the longest first; "" where none does.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]

    def render(self, report: Report) -> str:
        """The whole document."""
        ...
