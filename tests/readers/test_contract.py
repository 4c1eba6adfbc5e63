"""The contract every reader keeps, whatever the file does to it.

A reader ``x`` brings ``tests/readers/good_x.py`` with

- ``FILES: dict[str, bytes]``: a tiny good log, relative names and contents, one run;
- ``EXPECTED: dict[str, tuple[list[int], list[float]]]``: steps and values of some of its tags, over
  all its raw logs in order, with at least one NaN among the values.
"""

from __future__ import annotations

import gzip
import importlib
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lrdoctor.errors import ReadError
from lrdoctor.plugins import discover
from lrdoctor.readers import _text
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.readers._text import read_head
from lrdoctor.types import RawLog

READERS = sorted(discover("readers"))
HOSTILE = "a\nb\x1b[31m\u202egpj; $(id) '\"%s"


def good(name: str) -> ModuleType:
    return importlib.import_module(f"tests.readers.good_{name}")


def write(folder: Path, files: dict[str, bytes]) -> list[str]:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return [str(folder / name) for name in files]


def reader(name: str) -> Any:
    return discover("readers")[name]()


def read(name: str, files: Sequence[str]) -> list[RawLog] | ReadError:
    """Raw logs, or the one error a reader may raise; anything else fails the test."""
    try:
        return list(reader(name).read(files))
    except ReadError as error:
        assert "\n" not in str(error) and error.reason
        return error


def points(logs: Sequence[RawLog], tag: str) -> tuple[np.ndarray, np.ndarray]:
    found = [s for log in logs for s in log.series if s.tag == tag]
    assert found, f"no series {tag!r}"
    return np.concatenate([s.step for s in found]), np.concatenate([s.value for s in found])


@pytest.fixture(params=READERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def files(name: str, tmp_path: Path) -> list[str]:
    return write(tmp_path, good(name).FILES)


def assert_expected(name: str, logs: Sequence[RawLog]) -> None:
    for tag, (steps, values) in good(name).EXPECTED.items():
        step, value = points(logs, tag)
        np.testing.assert_array_equal(step, steps, err_msg=tag)
        np.testing.assert_allclose(value, values, rtol=1e-6, err_msg=tag)


def test_declares_itself(name: str) -> None:
    plugin = discover("readers")[name]
    assert plugin.name == name and isinstance(plugin.priority, int)
    assert plugin.patterns and all(p == p.lower() for p in plugin.patterns)
    assert plugin() == plugin()


def test_sample_has_nan(name: str) -> None:
    assert any(np.isnan(values).any() for _, values in good(name).EXPECTED.values())


def test_is_found_by_search(name: str, files: list[str], tmp_path: Path) -> None:
    found = list(find_runs([str(tmp_path)]))
    assert [f.reader for f in found if isinstance(f, RunFiles)] == [name]
    assert sorted(found[0].all_files) == sorted(files)


def test_reads_values(name: str, files: list[str]) -> None:
    logs = read(name, files)
    assert not isinstance(logs, ReadError)
    assert_expected(name, logs)
    for log in logs:
        assert log.file in files and log.format and log.axis
        assert len({s.tag for s in log.series}) == len(log.series)


def test_raw_logs_pickle(name: str, files: list[str]) -> None:
    logs = read(name, files)
    assert_expected(name, pickle.loads(pickle.dumps(logs)))


def test_gzip_reads_the_same(name: str, files: list[str]) -> None:
    packed = []
    for path in map(Path, files):
        packed.append(f"{path}.gz")
        Path(packed[-1]).write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    logs = read(name, packed)
    assert not isinstance(logs, ReadError), logs
    assert_expected(name, logs)


def test_hostile_folder_name(name: str, tmp_path: Path) -> None:
    logs = read(name, write(tmp_path / HOSTILE, good(name).FILES))
    assert not isinstance(logs, ReadError)
    assert_expected(name, logs)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.999])
def test_truncated(name: str, files: list[str], share: float) -> None:
    for path in map(Path, files):
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    read(name, files)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 5000, np.random.default_rng(0).bytes(5000), b"{" * 100_000, b"[" * 100_000,
     b"a,b\n" + b'"' * 5000, b"\xff\xfe\xff", gzip.compress(b"x" * 999)[:20], b"9" * 100_000],
    ids=["empty", "zeros", "random", "braces", "brackets", "quotes", "bom", "bad-gzip", "digits"],
)  # fmt: skip
def test_nonsense(name: str, files: list[str], content: bytes) -> None:
    for path in files:
        Path(path).write_bytes(content)
        reader(name).accepts(path, content[:4096])
    logs = read(name, files)
    if not isinstance(logs, ReadError):
        assert not any(len(s.step) for log in logs for s in log.series)


def test_damaged_byte_by_byte(name: str, files: list[str]) -> None:
    rng = np.random.default_rng(1)
    path = Path(files[-1])
    clean = path.read_bytes()
    for at in rng.integers(0, len(clean), 40):
        path.write_bytes(clean[:at] + rng.bytes(1) + clean[at + 1 :])
        read(name, files)


def test_vanished_file(name: str, files: list[str]) -> None:
    for path in files:
        Path(path).unlink()
    error = read(name, files)
    assert isinstance(error, ReadError) and error.path in files


def test_folder_in_place_of_file(name: str, files: list[str]) -> None:
    for path in map(Path, files):
        path.unlink()
        path.mkdir()
    assert isinstance(read(name, files), ReadError)


def test_writes_nothing(name: str, files: list[str], tmp_path: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    read(name, files)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_accepts_its_own_head(name: str, files: list[str]) -> None:
    assert any(reader(name).accepts(path, read_head(path)) for path in files)


def test_small_files_need_no_heavy_imports(tmp_path: Path) -> None:
    lines = ["import sys", "from lrdoctor.plugins import discover"]
    for name in READERS:
        paths = write(tmp_path / name, good(name).FILES)
        lines.append(f"list(discover('readers')[{name!r}]().read({paths!r}))")
    lines.append("print(sorted({'pandas','torch','tensorboard','scipy'} & set(sys.modules)))")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("name", ["csv", "jsonl", "mlflow", "text_log", "wandb"])
def test_more_numbers_than_are_held(
    name: str, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_text, "MAX_NUMBERS", 4)
    found = read(name, files)
    # One metric file too large does not cost the run the others.
    notes = [] if isinstance(found, ReadError) else [n.message for log in found for n in log.notes]
    assert any("over 4 numbers" in text for text in (*notes, str(found)))
