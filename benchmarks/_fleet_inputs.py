"""Many small runs for the fleet benchmark, written fast: the frames once, the numbers of each run.

A run is one event file of 5 tags x 1,000 steps, as torch's writer frames it. The files differ in
every value and wall time, so that nothing read from one is an answer for another.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lrdoctor.readers._crc32c import checksums
from lrdoctor.readers._tfrecord import HEADER, record
from lrdoctor.types import Array

TAGS = ("lr", "train/loss", "val/loss", "val/accuracy", "epoch")
STEPS = 1000
_MASK_DELTA = np.uint32(0xA282EAD8)
_PER_FOLDER = 100


def cosine(t: Array) -> Array:
    """Falls over the whole run: healthy."""
    return 0.5 * (1 + np.cos(np.pi * t))


def rebound(t: Array) -> Array:
    """Rises again: T_max is two thirds of the run."""
    return 0.5 * (1 + np.cos(1.5 * np.pi * t))


def linear(t: Array) -> Array:
    """Warms up over a tenth, then falls to zero: healthy."""
    return np.minimum(t / 0.1, (1 - t) / 0.9)


def constant(t: Array) -> Array:
    """Never changes."""
    return np.ones_like(t)


def steps(t: Array) -> Array:
    """Tenths at a half and three quarters: healthy."""
    return 0.1 ** ((t >= 0.5).astype(float) + (t >= 0.75))


def used_up(t: Array) -> Array:
    """A cosine that ends after two fifths and stays at zero."""
    return 0.5 * (1 + np.cos(np.pi * np.minimum(t / 0.4, 1)))


SCHEDULES: tuple[Callable[[Array], Array], ...] = (
    cosine, linear, steps, cosine, linear, steps, rebound, constant, used_up, cosine,
)  # fmt: skip


@dataclass(frozen=True)
class Frames:
    """The bytes of one event file and where in them the payload of each record stands."""

    data: np.ndarray
    groups: tuple[tuple[int, np.ndarray, np.ndarray], ...]
    """Payload size, place of each payload of that size, its number among all."""


@cache
def frames() -> Frames:
    """A file of zeros: version record, then every tag at every step."""
    version = record(b"\x09" + struct.pack("<d", 1.7e9) + b"\x1a\x0dbrain.Event:2")
    parts, sizes = [version], []
    for step in range(STEPS):
        for tag in TAGS:
            payload = _event(step, tag)
            parts.append(record(payload))
            sizes.append(len(payload))
    size = np.array(sizes)
    at = len(version) + np.cumsum(size + HEADER + 4) - size - 4
    groups = tuple(
        (int(s), at[size == s], np.flatnonzero(size == s)) for s in np.unique(size).tolist()
    )
    return Frames(np.frombuffer(b"".join(parts), np.uint8), groups)


def event_file(values: Array, wall: Array) -> bytes:
    """The file that holds ``values[step, tag]`` logged at ``wall[step]`` (Unix seconds)."""
    form = frames()
    data = form.data.copy()
    numbers = values.astype("<f4").reshape(-1, 1).view(np.uint8)
    walls = np.repeat(wall, values.shape[1]).astype("<f8").reshape(-1, 1).view(np.uint8)
    for size, at, number in form.groups:
        places = at[:, None] + np.arange(size)
        rows = data[places]
        rows[:, 1:9] = walls[number]
        rows[:, -4:] = numbers[number]
        crc = checksums(rows)
        masked = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + _MASK_DELTA
        data[places] = rows
        data[at[:, None] + size + np.arange(4)] = masked.astype("<u4").reshape(-1, 1).view(np.uint8)
    return data.tobytes()


def curves(number: int) -> tuple[Array, Array]:
    """Values and wall times of run ``number``: the same every time."""
    rng = np.random.default_rng(number)
    t = np.arange(STEPS) / STEPS
    lr = float(rng.choice([3e-4, 1e-3, 0.03, 0.1])) * SCHEDULES[number % len(SCHEDULES)](t)
    loss = 0.3 + rng.uniform(1.5, 2.5) * np.exp(-t * rng.uniform(3, 6))
    noise = rng.normal(size=(3, STEPS))
    columns = (
        lr,
        loss + 0.03 * noise[0],
        loss * 1.05 + 0.02 * noise[1],
        1 - loss / 3 + 0.01 * noise[2],
        np.floor(t * 10),
    )
    wall = 1.7e9 + number * 3600 + np.arange(STEPS) * rng.uniform(0.1, 2.0)
    return np.stack(columns, axis=1), wall


def folder_of(root: Path, number: int) -> Path:
    """Where run ``number`` is: a hundred of them to a project."""
    return root / f"project{number // _PER_FOLDER:03d}" / f"run{number:05d}"


def make_runs(root: Path, count: int) -> Iterator[Path]:
    """Writes the runs that are not there yet; gives the file of each."""
    for number in range(count):
        path = folder_of(root, number) / f"events.out.tfevents.{1_700_000_000 + number}.node.1.0"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(event_file(*curves(number)))
        yield path


def _event(step: int, tag: str) -> bytes:
    """``Event(wall_time=0, step=step, summary=[simple_value=0])`` as protobuf has it."""
    name = tag.encode()
    value = b"\x0a" + _varint(len(name)) + name + b"\x15" + bytes(4)
    summary = b"\x0a" + _varint(len(value)) + value
    counted = b"\x10" + _varint(step) if step else b""
    return b"\x09" + bytes(8) + counted + b"\x2a" + _varint(len(summary)) + summary


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))
