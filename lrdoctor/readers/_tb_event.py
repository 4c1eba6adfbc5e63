"""One event of an event file: its step, wall time and values, with their places in the bytes.

Field numbers are those of ``event.proto``, ``summary.proto`` and ``tensor.proto`` of
tensorflow/tensorboard. Nothing recurses: a tensor lies four messages deep, and nothing deeper is
looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lrdoctor.readers._protobuf import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Buffer,
    WireError,
    double,
    fields,
    signed,
    spans,
    varint,
)

_FLOAT = 1  # DataType.DT_FLOAT
_SCALAR_CLASS = 1  # DataClass.DATA_CLASS_SCALAR
_VERSION_PREFIX = "brain.Event:"
_LONGEST_STRING = 1 << 20


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a value says about its tag."""

    plugin: str = ""
    content: bytes = b""
    data_class: int = 0


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a summary.

    ``number_at`` is the place of its float32 where it is a scalar: a ``simple_value``, or a tensor
    of rank 0 and type float32 (``in_tensor``); None for everything else. ``tensor`` is the span of
    the tensor, ``name_span`` and ``metadata_span`` those of the tag and of what describes it.
    """

    tag: str
    name_span: tuple[int, int]
    number_at: int | None
    in_tensor: bool
    metadata: Metadata
    metadata_span: tuple[int, int]
    tensor: tuple[int, int]

    @property
    def makes_scalar(self) -> bool:
        """Whether a tag whose first value this is holds scalars: TensorBoard's rule."""
        if self.number_at is not None and not self.in_tensor:
            return True
        kind = self.metadata.data_class
        return kind == _SCALAR_CLASS or (kind == 0 and self.metadata.plugin == "scalars")


@dataclass(frozen=True, slots=True)
class Event:
    """One event; spans are places in its bytes, (0, 0) where a field is missing.

    ``plain`` means that nothing but wall time, step and one summary is there, each at most once.
    """

    wall_time: float
    step: int
    wall_span: tuple[int, int]
    step_span: tuple[int, int]
    values: tuple[Value, ...]
    has_summary: bool
    plain: bool
    file_version: float | None
    starts_session: bool


def parse_event(data: Buffer, size: int) -> Event:
    """The event of ``size`` bytes that ``data`` is or begins with.

    Raises ``WireError`` where it is none, or where a byte that matters is missing.
    """
    wall_span = step_span = (0, 0)
    values: list[Value] = []
    seen: list[int] = []
    version, starts = None, False
    for number, kind, start, stop in spans(data, 0, size):
        seen.append(number)
        if (number, kind) == (1, FIXED64):
            wall_span = (start, stop)
        elif (number, kind) == (2, VARINT):
            step_span = (start, stop)
        elif (number, kind) == (3, BYTES):
            version = _version(_text(data, start, stop))
        elif (number, kind) == (5, BYTES):
            values += _values(data, start, stop)
        elif (number, kind) == (7, BYTES):
            starts = starts or _starts(_bounded(data, start, stop))
    return Event(
        wall_time=double(_exactly(data, *wall_span)) if wall_span[1] else 0.0,
        step=signed(varint(data, step_span[0])[0]) if step_span[1] else 0,
        wall_span=wall_span,
        step_span=step_span,
        values=tuple(values),
        has_summary=5 in seen,
        plain=set(seen) <= {1, 2, 5} and len(set(seen)) == len(seen),
        file_version=version,
        starts_session=starts,
    )


def strings_of(data: Buffer, tensor: tuple[int, int]) -> Iterator[str]:
    """The strings of a tensor value, each at most a mebibyte."""
    for number, kind, start, stop in spans(data, *tensor):
        if (number, kind) == (8, BYTES) and stop - start <= _LONGEST_STRING:
            yield _text(data, start, stop)


@lru_cache(maxsize=4096)
def parse_metadata(data: bytes) -> Metadata:
    """A ``SummaryMetadata``; what is malformed counts as missing."""
    plugin, content, data_class = b"", b"", 0
    try:
        for number, _, body in fields(data):
            if number == 1 and isinstance(body, bytes):
                inner = {n: value for n, _, value in fields(body) if isinstance(value, bytes)}
                plugin, content = inner.get(1, b""), inner.get(2, b"")
            elif number == 4 and isinstance(body, int):
                data_class = body
    except WireError:
        return Metadata()
    return Metadata(plugin.decode("utf-8", "replace"), content, data_class)


def _values(data: Buffer, start: int, stop: int) -> Iterator[Value]:
    for number, kind, at, end in spans(data, start, stop):
        if (number, kind) == (1, BYTES):
            yield _value(data, at, end)


def _value(data: Buffer, start: int, stop: int) -> Value:
    name = node = metadata_span = tensor = (0, 0)
    number_at, in_tensor = None, False
    for number, kind, at, end in spans(data, start, stop):
        if (number, kind) == (1, BYTES):
            name = (at, end)
        elif (number, kind) == (7, BYTES):
            node = (at, end)
        elif (number, kind) == (9, BYTES):
            metadata_span = (at, end)
        elif (number, kind) == (2, FIXED32):
            number_at, in_tensor = at, False
            _exactly(data, at, end)
        elif (number, kind) == (8, BYTES):
            tensor = (at, end)
            number_at, in_tensor = _float_at(data, at, end), True
        elif number in (3, 4, 5, 6):
            number_at = None  # histogram, image or audio: the last of a oneof counts
    span = name if name[1] else node
    described = _bounded(data, *metadata_span)
    return Value(
        _text(data, *span),
        span,
        number_at,
        in_tensor,
        parse_metadata(described),
        metadata_span,
        tensor,
    )


def _float_at(data: Buffer, start: int, stop: int) -> int | None:
    """Place of the number of a float32 tensor of rank 0 with exactly one element, else None."""
    dtype, places = 0, []
    for number, kind, at, end in spans(data, start, stop):
        if (number, kind) == (1, VARINT):
            dtype = varint(data, at)[0]
        elif (number, kind) == (2, BYTES):
            if end > at:  # any dimension, or an unknown rank
                return None
        elif number in (4, 5):
            if end - at != 4:
                return None
            places.append(at)
            _exactly(data, at, end)
        elif number != 3:
            return None
    return places[0] if dtype == _FLOAT and len(places) == 1 else None


def _starts(session_log: bytes) -> bool:
    return any(number == 1 and status == 1 for number, _, status in fields(session_log))


def _version(text: str) -> float:
    try:
        return float(text.split(_VERSION_PREFIX)[-1])
    except ValueError:
        return -1.0


def _text(data: Buffer, start: int, stop: int) -> str:
    return _bounded(data, start, stop).decode("utf-8", "replace")


def _bounded(data: Buffer, start: int, stop: int) -> bytes:
    return _exactly(data, start, min(stop, start + _LONGEST_STRING))


def _exactly(data: Buffer, start: int, stop: int) -> bytes:
    found = data[start:stop]
    if len(found) < stop - start:
        raise WireError("a byte that matters is missing")
    return found
