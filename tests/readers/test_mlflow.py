"""The reader of MLflow's file store, on run folders laid out as MLflow does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrdoctor.errors import ReadError
from lrdoctor.readers.mlflow import Mlflow
from lrdoctor.types import RawLog, RawSeries

META = "run_id: 3c7adce7\nstart_time: 1633448439749\nstatus: {status}\nuser_id: me\n"


def a_run(
    root: Path,
    metrics: Mapping[str, str],
    *,
    settings: Mapping[str, str] | None = None,
    status: str = "3",
) -> Path:
    """A run folder; ``settings`` are paths below it with their contents."""
    texts = {f"metrics/{name}": text for name, text in metrics.items()}
    for name, text in {
        **texts,
        **(settings or {}),
        "meta.yaml": META.format(status=status),
    }.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def read(root: Path) -> RawLog:
    files = sorted(str(p) for p in (root / "metrics").rglob("*") if p.is_file())
    (log,) = Mlflow().read(files)
    return log


def series(log: RawLog, tag: str) -> RawSeries:
    return next(s for s in log.series if s.tag == tag)


def lines(values: list[float], every: int = 10) -> str:
    return "".join(f"{1633448439785 + i} {v!r} {i * every}\n" for i, v in enumerate(values))


def test_metric_files_become_series_with_nested_names(tmp_path: Path) -> None:
    log = read(a_run(tmp_path, {"lr": lines([1e-3, 5e-4]), "train/loss": lines([2.0, 1.5, 1.25])}))
    assert (log.format, log.axis, log.notes) == ("mlflow", "step", ())
    loss = series(log, "train/loss")
    assert loss.step.tolist() == [0, 10, 20]
    assert loss.value.tolist() == [2.0, 1.5, 1.25]
    assert loss.wall_time is not None and loss.wall_time[0] == 1633448439.785
    assert series(log, "lr").value.tolist() == [1e-3, 5e-4]


def test_params_and_own_tags_become_typed_hparams(tmp_path: Path) -> None:
    settings = {
        "params/optimizer/lr": "0.001",
        "params/epochs": "90",
        "params/nesterov": "True",
        "params/scheduler": "cosine",
        "params/resume": "None",
        "tags/team": "vision",
        "tags/mlflow.user": "me",
    }
    log = read(a_run(tmp_path, {"loss": lines([1.0])}, settings=settings))
    assert dict(log.hparams) == {
        "optimizer/lr": 0.001,
        "epochs": 90,
        "nesterov": True,
        "scheduler": "cosine",
        "resume": None,
        "tags.team": "vision",
    }


def test_metrics_logged_without_a_step_lie_on_rows(tmp_path: Path) -> None:
    log = read(a_run(tmp_path, {"loss": lines([3.0, 2.0, 1.0], every=0)}))
    assert log.axis == "row"
    assert series(log, "loss").step.tolist() == [0, 1, 2]
    assert [note.kind for note in log.notes] == ["no-step"]


def test_lines_of_old_and_new_versions(tmp_path: Path) -> None:
    text = "1633448439785 2.5\n1633448439786 2.25 1\n1633448439787 2.0 2 train_set 0a1b2c\n"
    assert series(read(a_run(tmp_path, {"loss": text})), "loss").step.tolist() == [0, 1, 2]


def test_non_finite_values_stay(tmp_path: Path) -> None:
    text = "1633448439785 nan 0\n1633448439785 -inf 1\n1633448439785 inf 2\n"
    got = series(read(a_run(tmp_path, {"loss": text})), "loss").value.tolist()
    assert math.isnan(got[0]) and got[1:] == [-math.inf, math.inf]


def test_malformed_and_cut_lines_are_counted(tmp_path: Path) -> None:
    text = lines([2.0, 1.0]) + "\x00\x01binary\n1633448439785 zero 3\n16334484397"
    log = read(a_run(tmp_path, {"loss": text}))
    assert len(series(log, "loss").step) == 2
    assert ("malformed-lines", True) in [(n.kind, n.message.startswith("3 ")) for n in log.notes]


@pytest.mark.parametrize(("status", "word"), [("1", "running"), ("4", "failed"), ("5", "killed")])
def test_unfinished_status_is_a_note(tmp_path: Path, status: str, word: str) -> None:
    (note,) = read(a_run(tmp_path, {"loss": lines([1.0])}, status=status)).notes
    assert note.kind == "run-status" and note.message.endswith(word)


def test_files_of_a_run_share_a_group_even_below_another_metrics_folder(tmp_path: Path) -> None:
    root = a_run(tmp_path / "metrics" / "run", {"loss": lines([1.0]), "a/metrics/b": lines([1.0])})
    files = [root / "metrics" / "loss", root / "metrics" / "a" / "metrics" / "b"]
    assert {Mlflow().group(str(f)) for f in files} == {str(root)}
    assert {s.tag for s in read(root).series} == {"loss", "a/metrics/b"}


def test_several_runs_stay_apart(tmp_path: Path) -> None:
    roots = [a_run(tmp_path / name, {"loss": lines([1.0, 2.0])}) for name in ("a", "b")]
    logs = list(Mlflow().read([str(r / "metrics" / "loss") for r in roots]))
    assert [Path(log.file).parts[-3] for log in logs] == ["a", "b"]


def test_accepts_only_metric_lines_in_a_metrics_folder(tmp_path: Path) -> None:
    reader, good = Mlflow(), b"1633448439785 2.5 10\n1633448439786"
    assert reader.accepts("run/metrics/train/loss", good)
    assert not reader.accepts("run/params/loss", good)
    assert not reader.accepts("run/metrics/loss", b"epoch,loss\n")
    assert not reader.accepts("run/metrics/loss", b"")


def test_vanished_file_costs_only_itself(tmp_path: Path) -> None:
    root = a_run(tmp_path, {"loss": lines([1.0])})
    (log,) = Mlflow().read([str(root / "metrics" / n) for n in ("gone", "loss")])
    assert [s.tag for s in log.series] == ["loss"]
    assert [note.kind for note in log.notes] == ["unreadable"]
    with pytest.raises(ReadError, match="does not exist"):
        list(Mlflow().read([str(root / "metrics" / "gone")]))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=200), meta=st.binary(max_size=50))
def test_hostile_files_end_in_a_log_or_a_read_error(
    tmp_path: Path, content: bytes, meta: bytes
) -> None:
    root = a_run(tmp_path, {"loss": ""})
    (root / "metrics" / "loss").write_bytes(b"1633448439785 1 1\n" + content)
    (root / "meta.yaml").write_bytes(meta)
    with suppress(ReadError):
        log = read(root)
        assert all(len(s.step) == len(s.value) for s in log.series)
