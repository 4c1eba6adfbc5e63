"""The W&B reader against logs written byte by byte by a small writer of the same format."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrdoctor.errors import ReadError
from lrdoctor.readers.wandb import Wandb
from lrdoctor.types import RawLog

BLOCK = 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def message(*parts: tuple[int, bytes | int]) -> bytes:
    out = b""
    for number, value in parts:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def item(key: str, value: object, nested: bool) -> bytes:
    return message((2 if nested else 1, key.encode()), (16, json.dumps(value).encode()))


def history(row: Mapping[str, object], *, nested: bool = False, step: int | None = None) -> bytes:
    """A Record holding one history row, with its step as a field where ``step`` is given."""
    items = [(1, item(key, value, nested)) for key, value in row.items()]
    tail = [] if step is None else [(2, message((1, step)) if step else b"")]
    return message((1, 7), (2, message(*items, *tail)))


def config(values: Mapping[str, object], *, in_run: bool = True) -> bytes:
    body = message(*((1, item(key, value, False)) for key, value in values.items()))
    return message((17, message((1, b"abc"), (4, body)))) if in_run else message((5, body))


def framed(records: Sequence[bytes]) -> bytes:
    """The file: 7-byte header, then records cut into fragments at the 32 KiB block borders."""
    out = bytearray(b":W&B" + struct.pack("<HB", 0xBEE1, 0))
    for record in records:
        first = True
        while True:
            left = BLOCK - len(out) % BLOCK
            if left < 7:
                out += bytes(left)
                continue
            chunk, record = record[: left - 7], record[left - 7 :]
            kind = (FIRST if record else FULL) if first else (MIDDLE if record else LAST)
            crc = zlib.crc32(bytes([kind]) + chunk)
            out += struct.pack("<IHB", crc, len(chunk), kind) + chunk
            first = False
            if not record:
                break
    return bytes(out)


def rows(count: int) -> list[bytes]:
    return [
        history({"loss": 2.0 / (i + 1), "lr": 1e-3, "_step": i, "_timestamp": 1.7e9 + i})
        for i in range(count)
    ]


def read(path: Path, data: bytes) -> RawLog:
    file = path / "run-abc.wandb"
    file.write_bytes(data)
    (log,) = Wandb().read([str(file)])
    return log


def columns(log: RawLog) -> dict[str, list[float]]:
    return {series.tag: series.value.tolist() for series in log.series}


def test_history_becomes_series_over_step(tmp_path: Path) -> None:
    log = read(tmp_path, framed([config({"lr": 1e-3}), *rows(5)]))
    loss = next(s for s in log.series if s.tag == "loss")
    assert log.axis == "_step" and log.notes == ()
    assert columns(log).keys() == {"loss", "lr"}
    assert loss.step.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(loss.value, [2.0 / (i + 1) for i in range(5)])
    assert loss.wall_time is not None and loss.wall_time.tolist() == [1.7e9 + i for i in range(5)]


@pytest.mark.parametrize("nested", [False, True])
def test_both_ways_to_name_an_item(tmp_path: Path, nested: bool) -> None:
    log = read(tmp_path, framed([history({"train/loss": 1.5, "_step": 3}, nested=nested)]))
    assert columns(log) == {"train/loss": [1.5]}


def test_step_field_stands_in_for_a_missing_step_item(tmp_path: Path) -> None:
    records = [history({"loss": 1.0}, step=0), history({"loss": 0.5}, step=40)]
    (loss,) = read(tmp_path, framed([*records, history({"loss": 0.4})])).series
    assert loss.step.tolist() == [0, 40, 41]


def test_non_finite_values_written_as_text(tmp_path: Path) -> None:
    values = [float("nan"), "NaN", "Infinity", "-Infinity"]
    log = read(tmp_path, framed([history({"loss": v, "_step": i}) for i, v in enumerate(values)]))
    got = columns(log)["loss"]
    assert math.isnan(got[0]) and math.isnan(got[1])
    assert got[2:] == [math.inf, -math.inf]


def test_text_media_and_booleans_are_no_series(tmp_path: Path) -> None:
    row = {
        "_step": 0,
        "_runtime": 3.5,
        "loss": 1.0,
        "eval": {"acc": 0.5, "image": {"_type": "image-file", "width": 3}},
        "grad": {"_type": "histogram", "bins": [1, 2]},
        "status": "fine",
        "done": True,
    }
    assert columns(read(tmp_path, framed([history(row)]))) == {"loss": [1.0], "eval.acc": [0.5]}


def test_config_becomes_flat_hparams_and_updates_win(tmp_path: Path) -> None:
    first = config({"_wandb": {"x": 1}, "lr": {"value": 0.1}, "opt": {"name": "sgd", "betas": [1]}})
    log = read(tmp_path, framed([first, config({"lr": 0.2}, in_run=False), *rows(1)]))
    assert dict(log.hparams) == {"lr": 0.2, "opt.name": "sgd", "opt.betas.0": 1}


def test_records_over_block_borders(tmp_path: Path) -> None:
    padding = history({"note": "x" * 3 * BLOCK, "_step": 0})
    log = read(tmp_path, framed([padding, *rows(1500)]))
    assert log.notes == ()
    assert len(columns(log)["loss"]) == 1500


@pytest.mark.parametrize("cut", [1, 3, 20, 60])
def test_truncated_log_keeps_every_whole_record(tmp_path: Path, cut: int) -> None:
    log = read(tmp_path, framed(rows(10))[:-cut])
    assert len(columns(log)["loss"]) == 9
    assert [note.kind for note in log.notes] == ["truncated"]


def test_zero_filled_tail_is_quiet(tmp_path: Path) -> None:
    log = read(tmp_path, framed(rows(10)) + bytes(50_000))
    assert len(columns(log)["loss"]) == 10
    assert log.notes == ()


def test_flipped_bit_costs_the_rest_of_its_block_and_is_noted(tmp_path: Path) -> None:
    data = bytearray(framed(rows(2000)))
    data[20_000] ^= 0xFF
    log = read(tmp_path, bytes(data))
    steps = next(s.step for s in log.series if s.tag == "loss")
    assert 1500 < len(steps) < 2000 and steps[-1] == 1999
    (note,) = log.notes
    assert note.kind == "damaged" and 12_000 < int(note.message.split()[0]) <= BLOCK


def test_record_that_is_no_protobuf_is_counted(tmp_path: Path) -> None:
    log = read(tmp_path, framed([b"\x12\xff\xff", *rows(3)]))
    assert [note.kind for note in log.notes] == ["damaged"]
    assert len(columns(log)["loss"]) == 3


def test_absurd_step_is_left_out_and_noted(tmp_path: Path) -> None:
    log = read(tmp_path, framed([history({"loss": 1, "_step": 1e300}), *rows(2)]))
    assert len(columns(log)["loss"]) == 2
    assert [note.kind for note in log.notes] == ["damaged"]


def test_log_without_history_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no history"):
        read(tmp_path, framed([]))
    with pytest.raises(ReadError, match="does not exist"):
        list(Wandb().read([str(tmp_path / "gone.wandb")]))


def test_accepts_by_magic() -> None:
    assert Wandb().accepts("run-1.wandb", framed([])[:7])
    assert not Wandb().accepts("run-1.wandb", b"\x00" * 100)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    flips=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=30),
    tail=st.binary(max_size=200),
)
def test_hostile_bytes_end_in_a_log_or_a_read_error(
    tmp_path: Path, flips: list[tuple[int, int]], tail: bytes
) -> None:
    data = bytearray(framed(rows(30)))
    for at, value in flips:
        data[at] = value
    try:
        log = read(tmp_path, bytes(data) + tail)
    except ReadError:
        return
    assert all(len(s.step) == len(s.value) for s in log.series)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=300), text=st.text(max_size=50))
def test_hostile_records_end_in_a_log_or_a_read_error(
    tmp_path: Path, body: bytes, text: str
) -> None:
    deep = message((1, b"deep"), (16, b"[" * 100_000))
    records = [body, message((2, body)), message((2, message((1, deep))))]
    with suppress(ReadError):
        read(tmp_path, framed([*records, history({text: 1.0, "_step": 1})]))


def test_value_too_long_to_be_a_number_is_skipped_and_said(tmp_path: Path) -> None:
    table = ["x" * 1000] * 1100
    log = read(tmp_path, framed([history({"_step": 0, "loss": 1.5, "table": table})]))
    assert columns(log)["loss"] == [1.5]
    assert [n.message for n in log.notes] == ["1 values over 1 MiB of text were skipped"]
