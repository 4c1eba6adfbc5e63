"""Notes on the log itself: steps trained again, rows without order, several runs in one place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lrdoctor.types import Note
from tests.builders import a_run
from tests.detectors.cases import evidence, silent


def test_steps_that_were_trained_again() -> None:
    found = evidence("log_overlap", a_run().loss().restart_at(400, 50).restart_at(700, 5).case())
    assert (found.start, found.stop) == (400, 701)
    assert found.measured["discarded"].value == 55
    assert found.measured["restarts"].value == 2


@pytest.mark.parametrize(("discarded", "fires"), [(1, True), (0, False)])
def test_a_resume_that_repeats_nothing(discarded: int, fires: bool) -> None:
    assert silent("log_overlap", a_run().loss().restart_at(400, discarded).case()) is not fires


def test_a_start_that_was_given_up() -> None:
    assert silent("log_overlap", a_run().loss().restart_at(0, 2).case())


def test_rows_in_no_order() -> None:
    case = a_run().loss().case()
    note = Note("order", "rows out of order")
    disordered = replace(case, run=replace(case.run, notes=(note,)))
    assert "no order" in evidence("log_overlap", disordered).detail
    assert silent("log_overlap", case)


def test_the_first_of_several_runs() -> None:
    case = a_run().loss().case()
    first = replace(case, run=replace(case.run, notes=(Note("split", "2 runs in one place"),)))
    later = replace(case, run=replace(case.run, notes=(Note("split", "again", step=0),)))
    assert evidence("several_runs", first).stop == 1000
    assert silent("several_runs", later) and silent("several_runs", case)
