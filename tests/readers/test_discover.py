"""Finding runs in trees: which files, which reader, which belong together, what is said."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from lrdoctor.readers._discover import RunFiles, Search, find_runs
from lrdoctor.readers.csv import Csv
from lrdoctor.verdict import ReadFailure

CSV = "epoch,loss,lr\n" + "".join(f"{i},{3 - i / 10},0.1\n" for i in range(5))
STATE = json.dumps({"log_history": [{"step": 1, "loss": 2.0}], "max_steps": 10})
LINES = "".join(json.dumps({"iteration": i, "lr": 0.1, "total_loss": 2.0}) + "\n" for i in range(5))


def write(root: Path, **files: str | bytes) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def runs(*paths: Path | str, exclude: tuple[str, ...] = ()) -> dict[str, RunFiles]:
    found = list(find_runs([str(p) for p in paths], exclude))
    assert not [f for f in found if isinstance(f, ReadFailure)], found
    return {f.name: f for f in found if isinstance(f, RunFiles)}


def test_names(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{"a/b/results.csv": CSV, "c/one.csv": CSV, "c/two.csv": CSV, "d/metrics.json": LINES},
    )
    found = runs(tmp_path)
    assert list(found) == ["a/b", "c/one.csv", "d"]
    assert [o.name for o in found["c/one.csv"].others] == ["c/two.csv"]
    assert found["d"].reader == "jsonl" and found["a/b"].files == (
        str(tmp_path / "a/b/results.csv"),
    )


def test_logs_in_the_root_are_named_after_it(tmp_path: Path) -> None:
    write(tmp_path, **{"results.csv": CSV})
    assert list(runs(tmp_path)) == [tmp_path.name]


def test_several_roots_keep_their_names_apart(tmp_path: Path) -> None:
    write(tmp_path, **{"x/run/a.csv": CSV, "y/run/a.csv": CSV})
    found = runs(tmp_path / "x", tmp_path / "y")
    assert list(found) == [f"{tmp_path}/x/run", f"{tmp_path}/y/run"]


def test_many_logs_of_one_folder_are_runs_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, **{f"sweep/{i:02}.csv": CSV for i in range(12)})
    found = runs(tmp_path)
    assert len(found) == 12 and not any(f.others for f in found.values())
    search = find_runs([str(tmp_path)])
    assert len(list(search)) == 12
    assert [n.kind for n in search.notes] == ["not-compared"]


def test_order_is_stable(tmp_path: Path) -> None:
    write(tmp_path, **{f"{name}/a.csv": CSV for name in "hgfedcba"})
    assert list(runs(tmp_path)) == sorted("hgfedcba")


def test_compressed_logs(tmp_path: Path) -> None:
    write(tmp_path, **{"a/results.csv.gz": gzip.compress(CSV.encode())})
    assert runs(tmp_path)["a"].reader == "csv"


def test_checkpoints_belong_together(tmp_path: Path) -> None:
    copies = {f"out/checkpoint-{n}/trainer_state.json": STATE for n in (500, 1000)}
    write(tmp_path, **copies, **{"out/trainer_state.json": STATE})
    (run,) = runs(tmp_path).values()
    assert run.name == "out" and len(run.files) == 3


def test_checkpoints_without_the_final_state(tmp_path: Path) -> None:
    write(tmp_path, **{f"out/checkpoint-{n}/trainer_state.json": STATE for n in (500, 1000)})
    (run,) = runs(tmp_path).values()
    assert run.name == "out" and len(run.files) == 2


def test_nnunet_logs_of_a_folder_belong_together(tmp_path: Path) -> None:
    names = ("training_log_2023_3_21_11_57_19.txt", "training_log_2023_3_21_9_26_23.txt")
    text = "".join(
        f"2023-03-21 11:57:2{i}.0: Epoch {i}\n2023-03-21 11:57:2{i}.5: train_loss -0.{i}\n"
        for i in range(9)
    )
    write(tmp_path, **{f"fold_0/{name}": text for name in names})
    (run,) = runs(tmp_path).values()
    assert run.name == "fold_0" and len(run.files) == 2


def test_formats_of_one_place_are_a_family(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{"r/results.csv": CSV, "r/vis_data/scalars.json": LINES, "r/vis_data/x.json": LINES},
    )
    (run,) = runs(tmp_path).values()
    assert len(run.all_files) == 3 and run.root == str(tmp_path)


def test_what_is_no_log_is_passed_over_and_counted(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "data/train.csv": "id,x\n1,2\n",
            "requirements.txt": "numpy\n",
            "package.json": '{"name": "x"}',
            "config.json": '{"lr": 0.1}',
            "empty.csv": "",
            "model.py": "print('loss 0.5')",
            "image.png": b"\x89PNG",
        },
    )
    search = find_runs([str(tmp_path)])
    assert list(search) == []
    (note,) = search.notes
    assert note.message.startswith("4 files") and "data/train.csv" in note.message


def test_named_file_must_be_a_log(tmp_path: Path) -> None:
    write(tmp_path, **{"notes.md": "hello", "empty.csv": "", "log.dat2": CSV})
    unknown, empty, missing, log = find_runs(
        [str(tmp_path / n) for n in ("notes.md", "empty.csv", "gone.csv", "log.dat2")]
    )
    assert isinstance(unknown, ReadFailure) and "header with columns" in unknown.reason
    assert isinstance(empty, ReadFailure) and "empty" in empty.reason
    assert isinstance(missing, ReadFailure) and "does not exist" in missing.reason
    assert isinstance(log, RunFiles) and log.reader == "csv"


def test_hidden_and_tool_folders_are_left_alone(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{".git/a.csv": CSV, "__pycache__/a.csv": CSV, "._b.csv": CSV, "x/.ipynb/a.csv": CSV},
    )
    search = find_runs([str(tmp_path)])
    assert list(search) == [] and search.notes[0].message.startswith("3 hidden or tool folders")
    assert list(runs(tmp_path / ".git")) == [".git"]


def test_exclude(tmp_path: Path) -> None:
    write(tmp_path, **{"a/x.csv": CSV, "b/x.csv": CSV, "b/deep/x.csv": CSV})
    assert list(runs(tmp_path, exclude=("b",))) == ["a"]
    assert list(runs(tmp_path, exclude=("*/deep",))) == ["a", "b"]
    search = find_runs([str(tmp_path)], ("b",))
    assert len(list(search)) == 1 and "excluded" in search.notes[0].message


def test_links(tmp_path: Path) -> None:
    write(tmp_path, **{"real/a.csv": CSV})
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "up").symlink_to(tmp_path)
    (tmp_path / "zlink").symlink_to(tmp_path / "real")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    search = find_runs([str(tmp_path)])
    assert [f.name for f in search if isinstance(f, RunFiles)] == ["real"]
    said = " ".join(n.message for n in search.notes)
    assert "2 folders met again through a link" in said and "1 broken links" in said


def test_link_to_a_folder_outside_is_followed(tmp_path: Path) -> None:
    write(tmp_path, **{"store/run/a.csv": CSV, "runs/readme.md": ""})
    (tmp_path / "runs" / "today").symlink_to(tmp_path / "store" / "run")
    assert list(runs(tmp_path / "runs")) == ["today"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_without_permission(tmp_path: Path) -> None:
    write(tmp_path, **{"a/x.csv": CSV, "b/x.csv": CSV})
    (tmp_path / "b").chmod(0)
    try:
        found = list(find_runs([str(tmp_path)]))
    finally:
        (tmp_path / "b").chmod(0o700)
    assert [type(f) for f in found] == [ReadFailure, RunFiles]


def test_file_that_vanishes_during_the_search(tmp_path: Path) -> None:
    write(tmp_path, **{"a/x.csv": CSV, "b/x.csv": CSV})
    search = find_runs([str(tmp_path)])
    assert isinstance(next(search), RunFiles)
    (tmp_path / "b/x.csv").unlink()
    (gone,) = search
    assert isinstance(gone, ReadFailure) and "does not exist" in gone.reason


def test_hostile_names_come_out_on_one_line(tmp_path: Path) -> None:
    name = "a\nb\u202e\x1b[2J"
    write(tmp_path, **{f"{name}/x.csv": CSV})
    (found,) = runs(tmp_path)
    assert found.isprintable() and "\\n" in found


def test_name_that_is_not_utf8(tmp_path: Path) -> None:
    write(tmp_path, **{os.fsdecode(b"\xff\xfe/x.csv"): CSV})
    (name,) = runs(tmp_path)
    name.encode("utf-8")


def test_one_folder_given_twice_is_searched_once(tmp_path: Path) -> None:
    write(tmp_path, **{"a/x.csv": CSV, "b/x.csv": CSV})
    search = find_runs([str(tmp_path), str(tmp_path / "a")])
    assert len(list(search)) == 2 and "met again" in search.notes[0].message


def test_pipes_and_sockets_neither_block_nor_go_unsaid(tmp_path: Path) -> None:
    write(tmp_path, **{"run/x.csv": CSV})
    os.mkfifo(tmp_path / "run" / "y.csv")
    (tmp_path / "run" / "z.csv").symlink_to("/dev/zero")
    search = find_runs([str(tmp_path), str(tmp_path / "run" / "y.csv")])
    log, pipe = search
    assert isinstance(log, RunFiles) and log.all_files == (str(tmp_path / "run/x.csv"),)
    assert isinstance(pipe, ReadFailure) and "not a regular file" in pipe.reason
    assert search.notes[0].message.startswith("2 pipes, sockets or devices: ")


def test_reader_that_fails_over_a_file_does_not_end_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def accepts(self: object, path: str, head: bytes) -> bool:
        raise ZeroDivisionError("odd\nfile")

    monkeypatch.setattr(Csv, "accepts", accepts)
    write(tmp_path, **{"a/x.csv": CSV, "b/metrics.json": LINES, "c/x.txt": LINES})
    failed, *read = find_runs([str(tmp_path)])
    assert isinstance(failed, ReadFailure) and failed.path.endswith("a/x.csv")
    assert failed.reason == (
        "the reader csv failed over it: ZeroDivisionError: odd\\nfile (a bug of ours)"
    )
    # Another reader that knows the file still gets it.
    assert [f.reader for f in read if isinstance(f, RunFiles)] == ["jsonl", "jsonl"]


def test_streaming_gives_a_run_as_soon_as_its_place_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when all folders have been listed, of which there may be a million."""
    write(tmp_path, **{"a/tb/metrics.csv": CSV, "a/results.csv": CSV, "z/metrics.csv": CSV})
    for number in range(500):
        (tmp_path / f"empty/{number:03}").mkdir(parents=True)
    listed: list[str] = []
    listing = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or listing(path))
    search = Search((str(tmp_path),), streaming=True)
    first = next(search)
    assert isinstance(first, RunFiles) and first.name == "a"
    assert len(first.all_files) == 2 and len(listed) == 3
    assert [f.name for f in search if isinstance(f, RunFiles)] == ["z"]
    assert len(listed) == 505


def test_streaming_finds_what_a_sorted_search_finds(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{
            "hf/trainer_state.json": STATE,
            "hf/checkpoint-5/trainer_state.json": STATE,
            "hf/runs/Jan01/log.csv": CSV,
            "plain/runs/one/metrics.csv": CSV,
            "runs/two/vis_data/scalars.json": LINES,
            "runs/two/results.csv": CSV,
            "deep/a/tb/tensorboard/results.csv": CSV,
            "results.csv": CSV,
        },
    )
    streamed = list(Search((str(tmp_path),), streaming=True))
    ordered = list(find_runs([str(tmp_path)]))
    assert len(ordered) == 5
    assert {str(f) for f in streamed} == {str(f) for f in ordered}
    # The root may lie within what is one training.
    inside = list(Search((str(tmp_path / "hf/runs"),), streaming=True))
    assert [f.name for f in inside if isinstance(f, RunFiles)] == ["Jan01"]
