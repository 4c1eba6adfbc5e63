"""Event files for tests: events as protobuf messages, framed one by one, and TensorBoard's view."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.util import tensor_util

from lrdoctor.readers._tfrecord import record
from lrdoctor.readers.tensorboard import TensorBoard
from lrdoctor.types import RawLog, RawSeries

logging.getLogger("tensorboard").setLevel(logging.CRITICAL)
Points = dict[str, list[tuple[int, float, float]]]


def version(text: str = "brain.Event:2") -> Event:
    return Event(wall_time=1e9, file_version=text)


def start(step: int) -> Event:
    return Event(wall_time=1e9, step=step, session_log=SessionLog(status=SessionLog.START))


def scalars(step: int, wall_time: float | None = None, /, **values: float) -> Event:
    """An event with a ``simple_value`` for each keyword."""
    value = [Summary.Value(tag=tag, simple_value=number) for tag, number in values.items()]
    wall = 1e9 + step if wall_time is None else wall_time
    return Event(wall_time=wall, step=step, summary=Summary(value=value))


def of_plugin(plugin: str, data_class: int = 0, content: bytes = b"") -> SummaryMetadata:
    data = SummaryMetadata.PluginData(plugin_name=plugin, content=content)
    return SummaryMetadata(plugin_data=data, data_class=data_class)


def tensor(step: int, tag: str, proto: TensorProto, metadata: SummaryMetadata | None) -> Event:
    value = Summary.Value(tag=tag, tensor=proto)
    if metadata is not None:
        value.metadata.CopyFrom(metadata)
    return Event(wall_time=1e9 + step, step=step, summary=Summary(value=[value]))


def image(step: int, tag: str, size: int = 100) -> Event:
    picture = Summary.Image(width=1, height=1, encoded_image_string=b"\x89" * size)
    value = Summary.Value(tag=tag, image=picture)
    return Event(wall_time=1e9 + step, step=step, summary=Summary(value=[value]))


def framed(events: Iterable[Event | bytes]) -> bytes:
    return b"".join(record(e if isinstance(e, bytes) else e.SerializeToString()) for e in events)


def write(path: Path, events: Iterable[Event | bytes]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(framed(events))
    return str(path)


def read(*paths: str | Path) -> list[RawLog]:
    return list(TensorBoard().read([str(p) for p in paths]))


def points(series: Sequence[RawSeries]) -> Points:
    """Step, value and wall time of each point, by tag."""
    return {
        s.tag: list(zip(s.step.tolist(), s.value.tolist(), s.wall_time.tolist(), strict=True))
        for s in series
        if s.wall_time is not None
    }


def tensorboard_points(path: str | Path) -> Points:
    """What TensorBoard's own loader takes for scalars, by tag."""
    plugins: dict[str, str] = {}
    found: Points = {}
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            plugin = plugins.setdefault(value.tag, value.metadata.plugin_data.plugin_name)
            if plugin == "scalars" and value.tensor.dtype == 1:
                number = float(tensor_util.make_ndarray(value.tensor))
                found.setdefault(value.tag, []).append((event.step, number, event.wall_time))
    return found


def same(ours: Any, theirs: Any) -> None:
    """Asserts equality to the last bit, NaN equal to NaN."""
    assert set(ours) == set(theirs)
    for tag in ours:
        np.testing.assert_array_equal(np.array(ours[tag]), np.array(theirs[tag]), err_msg=tag)


def matches_tensorboard(path: str | Path) -> RawLog:
    """The log read, after a check that TensorBoard's loader reads the same."""
    (log,) = read(path)
    same(points(log.series), tensorboard_points(path))
    return log
