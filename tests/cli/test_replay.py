"""Candidates that ``lrdoctor replay`` is given."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from lrdoctor.cli._replay_input import candidate_path


@pytest.mark.parametrize("text", ["step,lr\n", "step,lr\n0,0.1\n", "step,lr\n0,x\n", "a,b\n1,2\n"])
def test_a_candidate_file_without_a_curve_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "lr.csv"
    file.write_text(text)
    with pytest.raises(click.UsageError, match=r"--candidate .*lr\.csv"):
        candidate_path(str(file), 100.0)


def test_a_candidate_file_is_cut_at_the_horizon(tmp_path: Path) -> None:
    file = tmp_path / "lr.csv"
    file.write_text("step,lr\n0,0.1\n50,0.1\n100,0.0\n150,0.0\n")
    assert candidate_path(str(file), 100.0).step.tolist() == [0, 50, 100]
