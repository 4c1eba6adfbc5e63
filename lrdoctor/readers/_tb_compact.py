"""Decodes short records of one ``simple_value`` whatever their length, as most writers write them.

Their bytes are ``09 time | 10 step | 2a · 0a · 0a · name | 15 number``, where ``·`` is a length of
one byte and a step of 0 is left out. Time and step stand at the same place from the front, the
number at the end, so records of all tags with the same number of step bytes decode together.
"""

from __future__ import annotations

import numpy as np

from lrdoctor.readers._crc32c import (
    Bytes,
    Words,
    crc_of_zeros,
    share_sums,
    shifted_shares,
    unmasked,
)
from lrdoctor.readers._tb_layout import column, varints, varying_share
from lrdoctor.readers._tb_templates import Batch, New, Tags, Templates, Wide
from lrdoctor.readers._tfrecord import words
from lrdoctor.types import IntArray

LONGEST = 120
"""Payloads up to this many bytes, so that every length in them is a byte."""

STEP_BYTES = range(6)
_TIME_AT, _STEP_AT = 1, 10
_NUMBER, _FOOTER = 4, 4
_WORDS = (LONGEST + _FOOTER + 7) // 8


class Compact:
    """The records with ``step_bytes`` bytes of step."""

    def __init__(self, step_bytes: int) -> None:
        self.step_bytes = step_bytes
        self.templates = Templates(_WORDS)
        self._head = _STEP_AT + step_bytes if step_bytes else _STEP_AT - 1
        self._mask, self._form = _word(0xFF), _word(0x2A)  # step 0 is not written
        if step_bytes:
            self._mask = _word(0xFF, *[0x80] * step_bytes, 0xFF)
            self._form = _word(0x10, *[0x80] * (step_bytes - 1), 0, 0x2A)
        self._varying = np.r_[_TIME_AT : _TIME_AT + 8, _STEP_AT : _STEP_AT + step_bytes]
        self._fixed = np.zeros(_WORDS * 8, np.uint8)
        self._fixed[0] = self._fixed[_STEP_AT - 1] = 0xFF
        self._fixed[self._head :] = 0xFF

    def of_this_form(self, steps: Wide) -> IntArray:
        """Places of the records that may be of this form, by the eight bytes from ``10`` on."""
        return np.flatnonzero((steps & self._mask) == self._form)

    def decode(self, data: Bytes, at: IntArray, size: IntArray) -> Batch:
        """What the payloads at these places say."""
        width = (int(size.max()) + _FOOTER + 7) // 8 * 8
        rows = words(data, f"V{width}")[at].view(np.uint8).reshape(len(at), width)
        tails = words(data, "<u8")[at + (size - _NUMBER)]
        numbers = tails.astype(np.uint32)
        early = varying_share(rows, self._varying, self._head)
        late = varying_share(numbers.view(np.uint8).reshape(-1, 4), np.arange(4), 4)
        fingerprint = unmasked((tails >> np.uint64(32)).astype(np.uint32)) ^ late
        fingerprint ^= shifted_shares(early, size - self._head)
        time, steps = column(rows, "<f8", _TIME_AT), column(rows, "<u8", _STEP_AT)
        # The size takes the place of the time, so that it is compared with the fixed bytes.
        rows[:, _TIME_AT] = size
        groups, wrong = self.templates.group(
            rows.view(np.uint64), fingerprint,
            lambda new, first: self._make(new, rows[first], size[first]),
        )  # fmt: skip
        return Batch(
            places=None,
            wrong=wrong,
            step=varints(steps, self.step_bytes),
            wall_time=time,
            numbers=[numbers.view(np.float32)],
            groups=groups,
        )

    def _make(self, fingerprints: Words, rows: Bytes, sizes: IntArray) -> New:
        padded = np.zeros((len(rows), _WORDS * 8), np.uint8)
        padded[:, : rows.shape[1]] = rows
        following = sizes[:, None] - 1 - np.arange(padded.shape[1])
        masks = np.where(following >= _NUMBER, self._fixed, np.uint8(0))
        fixed = padded & masks
        true = share_sums(fixed, np.maximum(following, 0))
        true ^= np.array([crc_of_zeros(size) for size in sizes.tolist()], np.uint32)
        tags = [
            self._tags(row.tobytes(), size) if crc == given else None
            for row, size, crc, given in zip(
                padded, sizes.tolist(), true.tolist(), fingerprints.tolist(), strict=True
            )
        ]
        valid = np.array([t is not None for t in tags])
        masks[:, _TIME_AT] = 0xFF
        masks[:, _STEP_AT : _STEP_AT + self.step_bytes] = 0x80
        masks = masks[valid]
        fixed = (padded[valid] & masks).view(np.uint64)
        return New(valid, fixed, masks.view(np.uint64), [t for t in tags if t is not None])

    def _tags(self, row: bytes, size: int) -> Tags | None:
        """The tag, where the fixed bytes are those of one simple value."""
        at = self._head
        inside = size - at
        if inside < 11:
            return None
        frame = bytes((0x2A, inside - 2, 0x0A, inside - 4, 0x0A, inside - 11))
        if row[0] != 0x09 or row[at : at + 6] != frame or row[size - 5] != 0x15:
            return None
        return ((row[at + 6 : size - 5].decode("utf-8", "replace"), True),)


def _word(*little_endian: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes(little_endian), "little"))
