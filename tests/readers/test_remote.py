"""Remote roots: the same runs as in a folder, one line for what goes wrong, no credentials."""

from __future__ import annotations

import gzip
import pickle
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

import lrdoctor
from lrdoctor.api import analyze
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.readers._load import load
from lrdoctor.readers._remote import Listed, failed
from lrdoctor.readers._url import is_remote, without_secrets
from lrdoctor.types import Run
from lrdoctor.verdict import Diagnosis, ReadFailure, Report
from tests.fleet.fleets import rows
from tests.object_store import KEYS, ObjectStore

SAMPLES = Path(__file__).parent.parent.parent / "sample_runs"
CSV = "\n".join(rows(faulty=True)) + "\n"


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryFileSystem]:
    """An empty ``memory://``."""
    monkeypatch.setattr(MemoryFileSystem, "store", {})
    monkeypatch.setattr(MemoryFileSystem, "pseudo_dirs", [""])
    yield MemoryFileSystem()


def found(*roots: str, **options: Any) -> tuple[list[RunFiles], list[ReadFailure]]:
    everything = list(find_runs(list(roots), **options))
    runs = [f for f in everything if isinstance(f, RunFiles)]
    return runs, [f for f in everything if isinstance(f, ReadFailure)]


def loaded(root: str) -> list[Run]:
    runs, failures = found(root)
    assert failures == []
    return [run for files in runs for run in load(files)]


def upload(fs: Any, folder: Path, to: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            fs.pipe(f"{to}/{path.relative_to(folder).as_posix()}", path.read_bytes())


# ---------------------------------------------------------------------------- the same findings


def told(report: Report, root: str) -> list[Any]:
    def diagnosis(d: Diagnosis) -> Any:
        findings = [(f.fingerprint, f.severity, f.message) for f in d.findings]
        files = [f.removeprefix(root) for f in d.files]
        notes = [(n.kind, n.message.replace(root, ""), (n.file or "").removeprefix(root))
                 for n in d.notes]  # fmt: skip
        return d.run, files, findings, notes, dict(d.hparams)

    return [diagnosis(d) for d in report.diagnoses]


@pytest.mark.parametrize(
    "names",
    [
        ("advanced-once", "backbone-lr-hidden-factor", "advanced-twice"),
        tuple(sorted(p.name for p in SAMPLES.iterdir() if p.is_dir())[-3:]),
    ],
    ids=lambda names: names[0],
)
def test_s3_gives_the_findings_of_the_files(
    s3: ObjectStore, tmp_path: Path, names: tuple[str, ...]
) -> None:
    bucket = s3.bucket()
    for name in names:
        bucket.upload(SAMPLES / name, f"data/runs/{name}")
        (tmp_path / "runs").mkdir(exist_ok=True)
        (tmp_path / "runs" / name).symlink_to(SAMPLES / name)
    here, there = analyze(tmp_path / "runs"), analyze(bucket.url("data/runs"))
    assert told(there, bucket.url("data/runs")) == told(here, str(tmp_path / "runs"))
    assert len(here.diagnoses) >= len(names)
    assert (there.unreadable, there.notes) == (here.unreadable, here.notes)
    one = bucket.url(f"data/runs/{names[0]}")
    assert [d.run for d in analyze(one).diagnoses] == [names[0]]


def test_in_worker_processes(s3: ObjectStore) -> None:
    bucket = s3.bucket()
    for name in ("a", "b"):
        bucket.put(f"runs/{name}/metrics.csv", CSV)
    report = analyze(bucket.url("runs"), jobs=2)
    assert [d.run for d in report.diagnoses] == ["a", "b"]
    assert {f.rule.code for d in report.diagnoses for f in d.findings} >= {"LRD304"}


def test_every_sample_is_found_alike(memory: MemoryFileSystem) -> None:
    """Discovery alone: names, readers, files and the settings near them."""
    upload(memory, SAMPLES, "/runs")
    here, _ = found(str(SAMPLES))
    there, failures = found("memory://runs")
    assert failures == [] and len(here) > 100

    def place(run: RunFiles, root: str) -> Any:
        near = run.near
        assert near is not None
        files = [[f.removeprefix(root) for f in unit] for unit in (run.all_files, near.settings)]
        return run.name, run.reader, files, near.shared, run.key.removeprefix(root)

    assert [place(r, "memory://runs") for r in there] == [place(r, str(SAMPLES)) for r in here]


def test_settings_beside_and_above(memory: MemoryFileSystem) -> None:
    memory.pipe("/runs/a/metrics.csv", CSV.encode())
    memory.pipe("/runs/a/hparams.yaml", b"epochs: 3\n")
    memory.pipe("/runs/a/training_args.bin", b"\x80never read")
    memory.pipe("/one/config.yaml", b"epochs: 5\n")
    memory.pipe("/one/logs/metrics.csv", CSV.encode())
    memory.pipe("/two/config.yaml", b"epochs: 7\n")
    for name in ("x", "y"):
        memory.pipe(f"/two/{name}/metrics.csv", CSV.encode())
    (beside,) = loaded("memory://runs")
    assert beside.hparams["epochs"] == 3
    assert beside.hparam_sources["epochs"] == "memory://runs/a/hparams.yaml"
    assert ("memory://runs/a/training_args.bin") in {n.file for n in beside.notes}
    assert [run.hparams.get("epochs") for run in loaded("memory://one")] == [5]
    assert [run.hparams.get("epochs") for run in loaded("memory://two")] == [None, None]
    (named,) = loaded("memory://runs/a/metrics.csv")
    assert named.hparams["epochs"] == 3 and named.name == "memory://runs/a/metrics.csv"


def test_settings_in_a_hidden_folder(s3: ObjectStore) -> None:
    bucket = s3.bucket()
    bucket.put("runs/a/metrics.csv", CSV)
    bucket.put("runs/a/.hydra/config.yaml", "epochs: 11\n")
    bucket.put("runs/a/.git/logs/metrics.csv", CSV)
    ((run,),) = (load(files) for files in found(bucket.url("runs"))[0])
    assert run.hparams["epochs"] == 11


def test_mlflow_parameters_come_along(memory: MemoryFileSystem) -> None:
    lines = "".join(f"17000000{i:05} {1 / (i + 1)} {i}\n" for i in range(40))
    memory.pipe("/mlruns/0/abc/metrics/loss", lines.encode())
    memory.pipe("/mlruns/0/abc/metrics/lr", lines.encode())
    memory.pipe("/mlruns/0/abc/params/epochs", b"9")
    memory.pipe("/mlruns/0/abc/meta.yaml", b"status: 4\n")
    (run,) = loaded("memory://mlruns")
    assert (run.name, run.hparams["epochs"]) == ("0/abc", 9)
    status = next(n for n in run.notes if n.kind == "run-status")
    assert status.file == "memory://mlruns/0/abc/meta.yaml"


def test_a_log_after_a_long_preamble(memory: MemoryFileSystem) -> None:
    lines = [f"epoch {i} loss: {1 / (i + 1):.4f} lr: {0.1 - i / 1000:.4f}" for i in range(50)]
    text = "some setting\n" * 1000 + "\n".join(lines) + "\n"
    memory.pipe("/runs/a/train.log", text.encode())
    memory.pipe("/runs/b/train.log", gzip.compress(text.encode()))
    assert [run.name for run in loaded("memory://runs")] == ["a", "b"]


# ---------------------------------------------------------------------------- what goes wrong


def reasons(*roots: str) -> list[str]:
    runs, failures = found(*roots)
    assert runs == []
    texts = [f"{f.path}: {f.reason}" for f in failures]
    assert all("\n" not in text and len(text) < 400 for text in texts)
    return texts


def test_other_roots_go_on(memory: MemoryFileSystem, s3: ObjectStore) -> None:
    memory.pipe("/runs/a/metrics.csv", CSV.encode())
    runs, failures = found("s3://no-such-bucket/x", "memory://runs", "memory://none")
    assert [run.name for run in runs] == ["memory://runs/a"]
    assert [(f.path, f.reason.partition(";")[0]) for f in failures] == [
        ("s3://no-such-bucket/x", "no such bucket"),
        ("memory://none", "the file does not exist (any more), nor a folder of this name"),
    ]


@pytest.mark.parametrize(
    ("package", "url", "extra"),
    [
        ("s3fs", "s3://b/x", "s3"),
        ("gcsfs", "gs://b/x", "gcs"),
        ("adlfs", "az://b/x", "azure"),
        ("paramiko", "ssh://h/x", "ssh"),
    ],
)
def test_an_extra_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, package: str, url: str, extra: str
) -> None:
    registry = sys.modules["fsspec.registry"]
    monkeypatch.delitem(registry._registry, url.partition(":")[0], raising=False)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.sftp", raising=False)
    remedy = f"{package} is not installed; install it with: pip install 'lrdoctor[{extra}]'"
    assert reasons(url) == [f"{url}: {remedy}"]


def test_nobody_answers(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("lrdoctor.readers._remote._SETTINGS", {
        "s3": {"use_listings_cache": False, "config_kwargs": {"retries": {"max_attempts": 0}}}
    })  # fmt: skip
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    (text,) = reasons("s3://bucket/x")
    assert "cannot connect" in text and "check the endpoint and the network" in text


def test_no_permission_for_one_object(s3: ObjectStore) -> None:
    bucket = s3.bucket()
    for name in ("a", "b"):
        bucket.put(f"runs/{name}/metrics.csv", CSV)
    s3.fail = lambda kind, path: (
        (403, "AccessDenied") if kind == "GET" and path.endswith("a/metrics.csv") else None
    )
    report = analyze(bucket.url("runs"))
    assert [d.run for d in report.diagnoses] == ["b"]
    (failure,) = report.unreadable
    assert failure.path == bucket.url("runs/a/metrics.csv")
    assert failure.reason.startswith("no permission")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ssh://ann:pass@host/runs", "ssh://ann@host/runs"),
        ("ssh://ann:12345@host:22/runs", "ssh://ann@host:22/runs"),
        ("s3://AKIA:se/cr+et@bucket/runs", "s3://bucket/runs"),
        ("az://box/runs?sig=abc&sv=1", "az://box/runs"),
        ("abfs://box@account.dfs.core.windows.net/x", "abfs://box@account.dfs.core.windows.net/x"),
        ("ssh://ann@host:2222/runs", "ssh://ann@host:2222/runs"),
        ("s3://bucket/run@3/a:b", "s3://bucket/run@3/a:b"),
        ("runs/a:b@c", "runs/a:b@c"),
    ],
)
def test_secrets_are_cut_out(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
    assert without_secrets(f"cannot open '{url}'") == f"cannot open '{shown}'"
    if url != shown:
        (text,) = reasons(url)
        assert text.startswith(f"{shown}: passwords and tokens do not belong in a URL")


def test_reports_hold_no_secret(memory: MemoryFileSystem) -> None:
    memory.pipe("/runs/a/metrics.csv", CSV.encode())
    roots = ["memory://runs", "ssh://ann:pass/word@host/runs"]
    report = analyze(roots, arguments=["analyze", *roots])
    for kind in ("json", "text", "html", "markdown", "sarif"):
        text = lrdoctor.render(report, kind)
        assert "pass/word" not in text and "word@" not in text


def test_errors_of_backends_hold_no_secret() -> None:
    error = OSError("GET https://host/x?X-Amz-Signature=abc failed\nbecause")
    reason = failed("s3://bucket/x", error).reason
    assert "abc" not in reason and "\n" not in reason


def test_what_is_empty_or_oddly_named(s3: ObjectStore) -> None:
    bucket = s3.bucket()
    bucket.put("runs/empty/metrics.csv", "")
    bucket.put("runs/b/metrics.csv", CSV)
    for odd in ("runs/../../etc/metrics.csv", "runs//metrics.csv", f"runs/{'x' * 300}/metrics.csv",
                "runs/./metrics.csv"):  # fmt: skip
        bucket.put(odd, CSV)
    s3.requests.clear()
    search = find_runs([bucket.url("runs")])
    runs = [f for f in search if isinstance(f, RunFiles)]
    assert [r.name for r in runs] == ["b"]
    notes = [n.message for n in search.notes]
    assert any("objects with names that no file can have" in text for text in notes)
    assert not [r for r in s3.requests if r.kind == "GET" and "empty" in r.path]


def test_a_named_file_that_is_empty(memory: MemoryFileSystem) -> None:
    memory.pipe("/runs/metrics.csv", b"")
    assert reasons("memory://runs/metrics.csv") == [
        "memory://runs/metrics.csv: the file is empty; nothing was logged yet?"
    ]


def test_nothing_is_left_behind(
    memory: MemoryFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    memory.pipe("/runs/a/metrics.csv", CSV.encode())
    assert len(loaded("memory://runs")) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe("/runs/a/metrics.csv", CSV.encode())

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    (failure,) = analyze("memory://runs").unreadable
    assert failure.path == "memory://runs/a/metrics.csv"
    assert "No space left on device; set TMPDIR" in failure.reason


def test_exclude_and_include(memory: MemoryFileSystem) -> None:
    for name in ("a", "b", "venv", ".cache"):
        memory.pipe(f"/runs/{name}/metrics.csv", CSV.encode())
    runs, _ = found("memory://runs", exclude=("b",))
    assert [r.name for r in runs] == ["a"]


def test_a_listed_file_survives_pickling() -> None:
    listed = Listed("s3://b/x", 5, 7.5, "tag")
    copy = pickle.loads(pickle.dumps(listed))
    assert (copy, copy.size, copy.changed, copy.etag) == ("s3://b/x", 5, 7.5, "tag")
    assert copy.mark == "5:7.5:tag"


def test_local_paths_are_no_urls() -> None:
    assert not any(map(is_remote, ("a/b", "C:\\runs", "C:/x", "a:b", "://x", "./s3://b")))
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in without_secrets("s3://bucket")
