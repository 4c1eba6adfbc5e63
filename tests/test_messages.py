"""Numbers as people read them."""

from __future__ import annotations

import pytest

from lrdoctor.messages import fill, number_text, placeholders, quantity_text
from lrdoctor.types import ClockUnit, Quantity
from lrdoctor.verdict import Evidence


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (22517.0, "22,517"),
        (0.0, "0"),
        (1e-05, "1e-05"),
        (0.123456, "0.1235"),
        (13.5, "13.5"),
        (12345.678, "12,346"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_number_text(value: float, text: str) -> None:
    assert number_text(value) == text


def test_quantity_has_its_unit() -> None:
    assert quantity_text(Quantity(13.5, "epochs")) == "13.5 epochs"
    assert quantity_text(Quantity(0.5, "")) == "0.5"
    assert quantity_text(Quantity(9.7222, "%")) == "9.72 %"


def test_fill_collapses_space_and_tolerates_missing_measures() -> None:
    evidence = Evidence(5, 9, (), {"a": Quantity(1, "x")}, detail="")
    message = fill(
        "{a} of {b} at {unit} {start}, {param_group} {detail}.", evidence, ClockUnit.EPOCH
    )
    assert message == "1 x of unknown at epoch 5, all param groups ."


def test_placeholders_reports_broken_braces() -> None:
    assert placeholders("{a} and {b}") == {"a", "b"}
    with pytest.raises(ValueError):
        placeholders("{a")
