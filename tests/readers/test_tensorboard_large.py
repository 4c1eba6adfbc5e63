"""Large records are stepped over; what is in them besides is not lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

from lrdoctor.readers._crc32c import crc32c, masked
from lrdoctor.readers._tb_scan import SMALL, Source
from lrdoctor.readers._tfrecord import record
from tests.readers.event_files import (
    framed,
    image,
    matches_tensorboard,
    points,
    read,
    scalars,
    version,
    write,
)
from tests.readers.good_tensorboard import varint

BEFORE = [version(), *(scalars(s, loss=s) for s in range(200))]
AFTER = [scalars(s, loss=s) for s in range(200, 400)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.out.tfevents.1.host"


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    counts: list[int] = []
    original = Source.read_into

    def counted(self: Source, at: int, target: np.ndarray) -> int:
        counts.append(original(self, at, target))
        return counts[-1]

    monkeypatch.setattr(Source, "read_into", counted)
    return counts


@pytest.mark.parametrize("size", [SMALL - 40, SMALL, SMALL + 1, 70_000, 1_500_000])
def test_images_of_any_size(file: Path, size: int) -> None:
    write(file, [*BEFORE, image(7, "i", size), *AFTER, image(8, "i", size)])
    assert len(matches_tensorboard(file).series[0].step) == 400


def test_images_are_not_read(file: Path, bytes_read: list[int]) -> None:
    write(file, [*BEFORE, *(image(s, "i", 1_000_000) for s in range(20)), *AFTER])
    assert len(read(file)[0].series[0].step) == 400
    assert sum(bytes_read) < 2_000_000


def test_more_than_two_gigabytes(file: Path, bytes_read: list[int]) -> None:
    """An image of 3 GiB, in a sparse file."""
    size = 3 << 30
    value = b"\x0a\x01i\x22" + varint(size)
    summary = b"\x0a" + varint(len(value) + size) + value
    head = b"\x09" + bytes(8) + b"\x10\x01\x2a" + varint(len(summary) + size) + summary
    length = (len(head) + size).to_bytes(8, "little")
    with file.open("wb") as out:
        out.write(framed(BEFORE))
        out.write(length + masked(crc32c(length)).to_bytes(4, "little") + head)
        out.seek(size + 4, 1)
        out.write(framed(AFTER))
    (log,) = read(file)
    assert log.series[0].step.tolist() == list(range(400)) and not log.notes
    assert sum(bytes_read) < 2_000_000


@pytest.mark.parametrize("size", [9000, 1_100_000])
@pytest.mark.parametrize("scalar_first", [True, False])
def test_scalars_beside_an_image_in_one_event(file: Path, size: int, scalar_first: bool) -> None:
    """As TensorFlow 1's merged summaries have them."""
    events = []
    for step in range(5):
        picture = image(step, "i", size).summary.value[0]
        number = Summary.Value(tag="loss", simple_value=step)
        value = [number, picture] if scalar_first else [picture, number]
        events.append(Event(step=step, wall_time=1.0, summary=Summary(value=value)))
    write(file, events)
    assert len(matches_tensorboard(file).series[0].step) == 5


def test_many_scalars_in_one_event(file: Path) -> None:
    write(file, [scalars(s, **{f"tag{i}": i + s for i in range(700)}) for s in range(3)])
    assert len(matches_tensorboard(file).series) == 700


def test_wrong_checksum_of_a_large_record_with_scalars(file: Path) -> None:
    event = scalars(3, **{f"tag{i}": i for i in range(700)}).SerializeToString()
    data = bytearray(framed(BEFORE) + record(event) + framed(AFTER))
    data[len(framed(BEFORE)) + 5000] ^= 1
    file.write_bytes(data)
    (log,) = read(file)
    assert [s.tag for s in log.series] == ["loss"]
    assert [note.kind for note in log.notes] == ["damaged"]


def test_cut_inside_an_image(file: Path) -> None:
    file.write_bytes(framed([*BEFORE, image(7, "i", 500_000)])[:-300_000])
    log = matches_tensorboard(file)
    assert [note.kind for note in log.notes] == ["truncated"]


def test_numbers_after_an_image_of_the_same_tag(file: Path) -> None:
    write(file, [image(0, "loss", 50_000), *BEFORE])
    (log,) = read(file)
    assert not points(log.series) and [n.kind for n in log.notes] == ["mixed-tag"]
