"""When a watch looks again and when it gives up; a clock of plain numbers."""

from __future__ import annotations

import pytest

from lrdoctor.fleet.pace import Pace


def test_silence_ends_the_wait_only_where_asked() -> None:
    assert not Pace(10, None, now=0).ended(False, 1e6, finished=False)
    pace = Pace(10, 60, now=0)
    assert not pace.ended(False, 59, finished=False)
    assert not pace.ended(True, 60, finished=False)
    assert not pace.ended(False, 119, finished=False)
    assert pace.ended(False, 120, finished=False)


def test_a_finished_run_gets_time_for_what_comes_last() -> None:
    pace = Pace(10, None, now=0)
    pace.ended(True, 5, finished=False)
    assert not pace.ended(True, 105, finished=True)  # it was silent for 100 before
    assert not pace.ended(False, 304, finished=True)
    assert pace.ended(False, 305, finished=True)


def test_the_age_of_what_was_there_already_is_no_silence() -> None:
    pace = Pace(10, None, now=0)
    pace.ended(True, 3600, finished=True)
    assert not pace.ended(False, 3629, finished=True)
    assert pace.ended(False, 3630, finished=True)


@pytest.mark.parametrize(("spent", "wait"), [(0.01, 10), (2.5, 10), (5, 20)])
def test_costly_looks_are_spaced_out(spent: float, wait: float) -> None:
    assert Pace(10, None, now=0).wait(spent) == pytest.approx(wait)
