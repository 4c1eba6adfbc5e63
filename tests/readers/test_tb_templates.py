"""Rows matched against templates: by fingerprint first, then by every fixed byte."""

from __future__ import annotations

import numpy as np

from lrdoctor.readers._tb_templates import New, Templates, Words
from lrdoctor.types import IntArray

ALL = np.uint64(2**64 - 1)


def rows(*first: int) -> np.ndarray:
    """Rows of two words that differ in the first."""
    return np.array([[value, 7] for value in first], np.uint64)


def known_as(name: str, values: np.ndarray):  # type: ignore[no-untyped-def]
    """A maker of one template whose fixed words are those of the first row."""

    def make(fingerprints: Words, first: IntArray) -> New:
        fixed = values[first]
        tags = [((name, True),)] * len(first)
        return New(np.ones(len(first), bool), fixed, np.full_like(fixed, ALL), tags)

    return make


def refuse(fingerprints: Words, first: IntArray) -> New:
    raise AssertionError("asked about a known fingerprint")


def test_rows_of_a_template_are_grouped_and_others_left() -> None:
    templates, seen = Templates(2), rows(1, 2, 1, 1)
    groups, wrong = templates.group(seen, np.array([5, 5, 5, 5], np.uint32), known_as("a", seen))
    (group,) = groups
    assert group[0] == (("a", True),) and group[1].tolist() == [0, 2, 3]  # type: ignore[union-attr]
    assert wrong is not None and wrong.tolist() == [1]


def test_known_fingerprints_over_other_bytes_fit_no_template() -> None:
    templates, seen = Templates(2), rows(1, 1)
    templates.group(seen, np.array([5, 5], np.uint32), known_as("a", seen))
    groups, wrong = templates.group(rows(3, 4), np.array([5, 5], np.uint32), refuse)
    assert groups == [] and wrong is not None and wrong.tolist() == [0, 1]
