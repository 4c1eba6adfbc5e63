from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c as reference
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from lrdoctor.readers import _crc32c as crc


@pytest.mark.parametrize("length", [0, 1, 8, 95, 96, 97, 511, 512, 513, 1024, 3000])
def test_every_length_takes_the_right_path(length: int) -> None:
    data = np.random.default_rng(length).bytes(length)
    assert crc.crc32c(data) == reference(data)
    assert crc.masked(crc.crc32c(data)) == masked_crc32c(data)
    assert crc.crc_of_zeros(length) == reference(bytes(length))


def test_check_value_of_the_standard() -> None:
    assert crc.crc32c(b"123456789") == 0xE3069283


@given(st.lists(st.binary(min_size=7, max_size=7), min_size=1))
def test_rows(rows: list[bytes]) -> None:
    table = np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 7)
    assert crc.checksums(table).tolist() == [reference(row) for row in rows]


def test_long_rows() -> None:
    rows = np.random.default_rng(0).integers(0, 256, (3, 700), dtype=np.uint8)
    assert crc.checksums(rows).tolist() == [reference(row.tobytes()) for row in rows]


@given(st.binary(min_size=1, max_size=40), st.integers(4, 300))
def test_shares_shift_by_appended_bytes(data: bytes, further: int) -> None:
    row = np.frombuffer(data, np.uint8)[None, :]
    sums = crc.share_sums(row, np.arange(len(data) - 1, -1, -1))
    shifted = int(crc.shifted_shares(sums, np.array([further]))[0])
    zeros = bytes(further)
    assert shifted ^ crc.crc_of_zeros(len(data) + further) == reference(data + zeros)


@given(st.integers(0, 0xFFFF), st.integers(0, 100))
def test_pairs_are_two_bytes(pair: int, following: int) -> None:
    low, high = pair & 255, pair >> 8
    both = crc.shares(following + 1)[low] ^ crc.shares(following)[high]
    assert crc.pair_shares(following)[pair] == both


@given(st.integers(0, 2**32 - 1))
def test_mask_is_undone(value: int) -> None:
    assert crc.unmasked(np.array([crc.masked(value)], np.uint32))[0] == value
