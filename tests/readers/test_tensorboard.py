"""Every rule of event files, with TensorBoard's own loader as the oracle."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.compat.proto.event_pb2 import Event, TaggedRunMetadata
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.summary import Writer

from lrdoctor.readers.tensorboard import TensorBoard
from lrdoctor.types import RawLog
from tests.readers.event_files import (
    framed,
    image,
    matches_tensorboard,
    of_plugin,
    points,
    read,
    scalars,
    tensor,
    tensorboard_points,
    version,
    write,
)

FLOAT, DOUBLE, INT = 1, 2, 3
SCALARS = of_plugin("scalars")


def rank_0(**fields: object) -> TensorProto:
    return TensorProto(dtype=FLOAT, tensor_shape=TensorShapeProto(), **fields)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.out.tfevents.1.host"


def notes(log: RawLog) -> list[str]:
    return [note.kind for note in log.notes]


# ---------------------------------------------------------------------------- values


@pytest.mark.parametrize("steps", [
    range(5), range(300), range(100, 40_000, 97), [2**21 - 1, 2**21, 2**40, 2**62], [-1, -5, 3],
    [5, 4, 3, 3, 3, 9, 0], [0] * 50,
])  # fmt: skip
def test_steps_of_any_size_and_order(file: Path, steps: list[int]) -> None:
    write(file, [version(), *(scalars(s, loss=s * 0.1, lr=1 / (1 + abs(s))) for s in steps)])
    log = matches_tensorboard(file)
    assert {len(s.step) for s in log.series} == {len(steps)}


def test_not_finite(file: Path) -> None:
    odd = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, 3.4e38]
    write(file, [scalars(i, loss=x) for i, x in enumerate(odd * 5)])
    assert not notes(matches_tensorboard(file))


def test_wall_times_as_they_are(file: Path) -> None:
    write(file, [scalars(i, w, loss=1.0) for i, w in enumerate([5.0, 4.0, math.nan, math.inf, 6])])
    assert notes(matches_tensorboard(file)) == ["wall-time"]


@pytest.mark.parametrize("count", [1, 2, 8, 40])
def test_several_values_an_event(file: Path, count: int) -> None:
    tags = [f"group/{'x' * (i % 5)}{i}" for i in range(count)]
    write(file, [scalars(s, **{t: s * i for i, t in enumerate(tags)}) for s in range(0, 300, 3)])
    assert len(matches_tensorboard(file).series) == count


def test_same_tag_twice_in_an_event(file: Path) -> None:
    value = [Summary.Value(tag="a", simple_value=x) for x in (1.0, 2.0)]
    write(file, [Event(step=s, summary=Summary(value=value)) for s in range(20)])
    matches_tensorboard(file)


def test_tags_that_come_irregularly(file: Path) -> None:
    rng = np.random.default_rng(0)
    tags = [f"{'t' * int(n)}{i}" for i, n in enumerate(rng.integers(0, 90, 60))]
    events = [scalars(s, **{tags[int(rng.integers(60))]: rng.normal()}) for s in range(4000)]
    write(file, events)
    assert len(matches_tensorboard(file).series) == 60


def test_validation_between_training(file: Path) -> None:
    events = []
    for step in range(3000):
        events.append(scalars(step, loss=step, lr=0.1))
        events += [scalars(step, val=1.0)] if step % 701 == 700 else []
    write(file, events)
    matches_tensorboard(file)


@pytest.mark.parametrize("tag", ["", "ü" * 30, "a" * 150, "a" * 3000, "\x1b[31m"])
def test_odd_tags(file: Path, tag: str) -> None:
    write(file, [scalars(s, **{tag: s}) for s in range(10)])
    (log,) = read(file)
    assert [v[0] for v in points(log.series)[log.series[0].tag]] == list(range(10))
    assert log.series[0].tag.isprintable() and len(log.series[0].tag) <= 200


def test_node_name_where_there_is_no_tag(file: Path) -> None:
    value = Summary.Value(node_name="node", simple_value=1.0)
    write(file, [Event(step=1, summary=Summary(value=[value]))])
    assert points(read(file)[0].series) == {"node": [(1, 1.0, 0.0)]}


def test_fields_in_another_order_and_unknown_ones(file: Path) -> None:
    whole = scalars(7, loss=0.5).SerializeToString()
    wall, step, summary = whole[:9], whole[9:11], whole[11:]
    unknown = b"\xf8\x06\x05"  # field 111
    payloads = [summary + step + wall, unknown + whole, whole + unknown, whole + step]
    write(file, [p for p in payloads for _ in range(5)])
    matches_tensorboard(file)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_sequence_of_events(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    numbers = st.floats(width=32)
    tags = st.sampled_from(["a", "bb", "cc", "train/loss"])
    event = st.builds(
        lambda step, values: scalars(step, **values),
        st.integers(-3, 2**35),
        st.dictionaries(tags, numbers, min_size=1, max_size=3),
    )
    other = st.sampled_from([image(1, "picture"), image(2, "a"), version(), Event(step=3)])
    events = data.draw(st.lists(st.lists(event | other, max_size=3), max_size=4))
    times = data.draw(st.sampled_from([1, 3, 9]))
    file = tmp_path_factory.mktemp("run") / "events.out.tfevents.1"
    write(file, [e for part in events for e in part * times])
    matches_tensorboard(file)


# ---------------------------------------------------------------------------- tensors


@pytest.mark.parametrize("proto", [
    rank_0(float_val=[0.25]),
    rank_0(tensor_content=np.float32(0.25).tobytes()),
    TensorProto(dtype=FLOAT, float_val=[0.25]),
    rank_0(float_val=[0.25], version_number=1),
])  # fmt: skip
@pytest.mark.parametrize("again", [True, False])
def test_tensor_scalars(file: Path, proto: TensorProto, again: bool) -> None:
    """Metadata with every value, as TF2 writes them, or with the first only."""
    described = [SCALARS if again or not s else None for s in range(300)]
    write(file, [tensor(s, "lr", proto, m) for s, m in enumerate(described)])
    assert len(matches_tensorboard(file).series[0].step) == 300


def test_data_class_alone_makes_a_scalar(file: Path) -> None:
    described = of_plugin("custom", data_class=1)
    write(file, [tensor(s, "lr", rank_0(float_val=[1]), described) for s in range(9)])
    assert len(read(file)[0].series[0].step) == 9


@pytest.mark.parametrize("proto", [
    TensorProto(dtype=FLOAT, tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
                float_val=[1.0]),
    TensorProto(dtype=DOUBLE, tensor_shape=TensorShapeProto(), double_val=[1.0]),
    TensorProto(dtype=INT, tensor_shape=TensorShapeProto(), int_val=[1]),
    rank_0(tensor_content=b"\0\0"),
    rank_0(tensor_content=b"\0" * 8),
    rank_0(float_val=[1.0, 2.0]),
    rank_0(),
])  # fmt: skip
def test_other_tensors_are_data_loss(file: Path, proto: TensorProto) -> None:
    """RustBoard's rule: rank 0, float32, exactly one element; the other points stay."""
    good = rank_0(float_val=[0.5])
    events = [tensor(s, "lr", proto if s == 3 else good, SCALARS) for s in range(10)]
    write(file, events)
    (log,) = read(file)
    assert log.series[0].step.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert notes(log) == ["mixed-tag"]


def test_tensor_without_metadata_is_no_scalar(file: Path) -> None:
    write(file, [tensor(s, "lr", rank_0(float_val=[1.0]), None) for s in range(9)])
    assert not matches_tensorboard(file).series


def test_first_metadata_wins(file: Path) -> None:
    """A scalar after an image is none, and an image after a scalar takes nothing away."""
    write(file, [image(0, "a"), scalars(0, b=1.0), *(scalars(s, a=1.0) for s in range(9)),
                 image(1, "b"), scalars(2, b=2.0)])  # fmt: skip
    log = matches_tensorboard(file)
    assert [s.tag for s in log.series] == ["b"]
    assert notes(log) == ["mixed-tag", "mixed-tag"]


def test_keras_style_writer(tmp_path: Path) -> None:
    writer = Writer(str(tmp_path))
    for step in range(200):
        writer.add_scalar("epoch_lr", 1 / (1 + step), step)
        writer.add_scalar("epoch_loss", step / 7, step)
    writer.close()
    (file,) = tmp_path.iterdir()
    assert len(matches_tensorboard(file).series) == 2


def test_simple_value_then_tensor(file: Path) -> None:
    later = [tensor(s, "lr", rank_0(float_val=[s]), None) for s in range(5, 9)]
    write(file, [*(scalars(s, lr=s) for s in range(5)), *later])
    assert len(matches_tensorboard(file).series[0].step) == 9


def test_what_is_no_scalar_is_passed_over(file: Path) -> None:
    histogram = Summary.Value(
        tag="h", histo=HistogramProto(bucket=[1.0] * 50, bucket_limit=range(50))
    )
    text = TensorProto(dtype=7, string_val=[b"hello"])
    write(file, [
        version(), Event(graph_def=b"\x0a\x00"), Event(summary=Summary()),
        Event(tagged_run_metadata=TaggedRunMetadata(tag="t", run_metadata=b"x")),
        Event(step=1, summary=Summary(value=[histogram])), image(1, "i"),
        tensor(1, "text", text, of_plugin("text")), scalars(1, loss=1.0),
    ])  # fmt: skip
    assert [s.tag for s in matches_tensorboard(file).series] == ["loss"]


# ---------------------------------------------------------------------------- damage


EVENTS = [version(), *(scalars(s, lr=0.1 / (1 + s), loss=s) for s in range(3000))]
MIDDLE = 1500


def damaged(file: Path, at: int, change: bytes) -> None:
    """The events with other bytes at this place of the record in the middle."""
    before = len(framed(EVENTS[:MIDDLE]))
    data = bytearray(framed(EVENTS))
    data[before + at : before + at + len(change)] = change
    file.write_bytes(data)


def without(*lost: int) -> list[int]:
    """All steps but those of the records with these numbers."""
    return [n - 1 for n in range(1, len(EVENTS)) if n not in lost]


def test_cut_in_the_last_payload(file: Path) -> None:
    file.write_bytes(framed(EVENTS)[:-9])
    log = matches_tensorboard(file)
    assert log.series[0].step.tolist() == without(3000)
    assert notes(log) == ["truncated"]


@pytest.mark.parametrize("cut", range(1, 30))
def test_cut_anywhere_in_the_last_record(file: Path, cut: int) -> None:
    file.write_bytes(framed(EVENTS[:40])[:-cut])
    assert notes(matches_tensorboard(file)) == ["truncated"]


def test_grows_between_reads(file: Path) -> None:
    whole = framed(EVENTS)
    for size in (0, 5, 100, 5000, len(whole)):
        file.write_bytes(whole[:size])
        matches_tensorboard(file)
    assert not notes(read(file)[0])


@pytest.mark.parametrize("at", [14, 22, 30, 45])
def test_wrong_data_checksum_loses_one_record(file: Path, at: int) -> None:
    """TensorBoard stops there; RustBoard takes the wrong value."""
    damaged(file, at, b"\xa5")
    (log,) = read(file)
    assert log.series[0].step.tolist() == without(MIDDLE)
    assert notes(log) == ["damaged"]
    kept = tensorboard_points(file)
    assert points(log.series)["lr"][: len(kept["lr"])] == kept["lr"]


def test_wrong_length_checksum_loses_nothing(file: Path) -> None:
    """TensorBoard and RustBoard stop there; the record's own checksum vouches for the length."""
    damaged(file, 8, b"\xa5")
    (log,) = read(file)
    assert log.series[0].step.tolist() == without()
    assert notes(log) == ["damaged"]
    assert len(tensorboard_points(file)["lr"]) == MIDDLE - 1


@pytest.mark.parametrize("length", [b"\x01", b"\xff\xff", b"\0\0\0\0\0\0\0\x7f", b"\xff" * 8])
def test_wrong_length_loses_one_record(file: Path, length: bytes) -> None:
    damaged(file, 0, length)
    (log,) = read(file)
    assert log.series[0].step.tolist() == without(MIDDLE)
    assert f"{len(framed(EVENTS[MIDDLE : MIDDLE + 1]))} bytes" in log.notes[0].message


@pytest.mark.parametrize("size", [1, 11, 12, 13, 5000, 3_000_000])
def test_garbage_between_records(file: Path, size: int) -> None:
    garbage = np.random.default_rng(size).bytes(size)
    file.write_bytes(framed(EVENTS[:MIDDLE]) + garbage + framed(EVENTS[MIDDLE:]))
    (log,) = read(file)
    assert log.series[0].step.tolist() == without()
    assert f"{size} bytes" in log.notes[0].message


def test_tail_of_zeros(file: Path) -> None:
    file.write_bytes(framed(EVENTS) + bytes(2_000_000))
    log = matches_tensorboard(file)
    assert notes(log) == ["filler"] and "2000000" in log.notes[0].message


def test_truncated_gzip(file: Path) -> None:
    file.write_bytes(gzip.compress(framed(EVENTS))[:-2000])
    (log,) = read(file)
    assert 1000 < len(log.series[0].step) < 3000
    assert "truncated" in notes(log)


# ---------------------------------------------------------------------------- files


def test_empty_file(file: Path) -> None:
    file.touch()
    (log,) = read(file)
    assert not log.series and notes(log) == ["empty"]
    assert TensorBoard().accepts(str(file), b"")
    assert not TensorBoard().accepts("other.log", b"")


def test_files_in_order_of_their_names(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"events.out.tfevents.{i}", [scalars(i, a=i)]) for i in (2, 1, 3)]
    assert [log.file for log in read(*paths)] == sorted(paths)


def test_one_bad_file_among_others(tmp_path: Path) -> None:
    good = write(tmp_path / "events.out.tfevents.1", EVENTS)
    bad = tmp_path / "events.out.tfevents.2"
    bad.write_bytes(b"no event file at all" * 100)
    logs = read(bad, good)
    assert [log.file for log in logs] == [good, str(bad)]
    assert notes(logs[1]) == ["unreadable"]


def test_profile_marker_is_no_log() -> None:
    head = framed([version()])
    assert TensorBoard().accepts("events.out.tfevents.1", head)
    assert not TensorBoard().accepts("events.out.tfevents.1.profile-empty", head)


def test_reading_one_file_leaves_no_trace_in_the_next(tmp_path: Path) -> None:
    """Layouts and headers are kept between files, values are not."""
    for i, tags in enumerate((("aa", "bb"), ("bb", "aa"), ("ab", "ba"), ("aa",))):
        events = [scalars(s, **dict.fromkeys(tags, s * i)) for s in range(50)]
        single = [scalars(s, **{t: s + i}) for s in range(500) for t in tags]
        matches_tensorboard(write(tmp_path / f"events.out.tfevents.{i}", events + single))
