"""Loading: one run per training whatever formats it is in, with the settings beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrdoctor.errors import ReadError
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.readers._load import load
from lrdoctor.readers._sidecar import MAX_BYTES, MAX_SETTINGS, configuration, flat
from lrdoctor.types import Note, Run

# Each line merges nine times the line before: 9**12 keys in half a kilobyte.
ALIASES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i}\n  <<: [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 13)
)


def loss(step: int, seed: int = 0) -> float:
    return float(3 / (1 + step / 50) + np.random.default_rng([seed, step]).normal(0, 0.05))


def csv(last: int, seed: int = 0, digits: int = 5) -> str:
    rows = [f"{i},{0.1:.{digits}g},{loss(i, seed):.{digits}g}" for i in range(0, last, 10)]
    return "\n".join(["step,lr,train/loss", *rows, ""])


def state(last: int, seed: int = 0) -> str:
    rows = [{"step": i, "learning_rate": 0.1, "loss": loss(i, seed)} for i in range(0, last, 10)]
    return json.dumps({"log_history": rows, "max_steps": 1000})


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def runs(root: Path) -> list[Run]:
    found = list(find_runs([str(root)]))
    return [run for files in found if isinstance(files, RunFiles) for run in load(files)]


def only(found: list[Any]) -> Any:
    assert len(found) == 1, [r.name for r in found]
    return found[0]


def note(run: Run, kind: str) -> Note:
    return only([n for n in run.notes if n.kind == kind])


# ---------------------------------------------------------------------------- the same run twice


def test_run_in_two_formats_is_returned_once(tmp_path: Path) -> None:
    write(tmp_path, {"out/log.csv": csv(400), "out/trainer_state.json": state(500)})
    run = only(runs(tmp_path))
    assert run.name == "out" and run.format == "trainer_state"
    assert (
        "csv" in note(run, "same-run").message and "analysed once" in note(run, "same-run").message
    )


def test_fuller_log_is_kept_under_the_first_name(tmp_path: Path) -> None:
    write(tmp_path, {"out/log.csv": csv(500), "out/checkpoint-300/trainer_state.json": state(300)})
    run = only(runs(tmp_path))
    assert run.name == "out" and run.format == "csv" and run.hparams["max_steps"] == 1000


def test_different_runs_with_one_lr_stay_two(tmp_path: Path) -> None:
    write(tmp_path, {"out/log.csv": csv(500, seed=1), "out/trainer_state.json": state(500)})
    assert [r.name for r in runs(tmp_path)] == ["out/trainer_state.json", "out/log.csv"]


def test_nested_checkpoints_give_the_longest(tmp_path: Path) -> None:
    copies = {f"out/checkpoint-{n}/trainer_state.json": state(n) for n in range(100, 2100, 100)}
    write(tmp_path, copies)
    run = only(runs(tmp_path))
    assert len(run.series["loss"]) == 200 and "19 logs" in note(run, "copy").message


def test_second_training_in_the_same_output_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "out/checkpoint-400/trainer_state.json": state(400),
            "out/checkpoint-100/trainer_state.json": state(100, seed=7),
        },
    )
    assert sorted(len(r.series["loss"]) for r in runs(tmp_path)) == [10, 40]


def test_broken_file_beside_a_good_one_is_a_note(tmp_path: Path) -> None:
    write(tmp_path, {"out/log.csv": csv(400), "out/trainer_state.json": "{"})
    run = only(runs(tmp_path))
    assert run.format == "csv" and note(run, "unreadable-file").file is not None


def test_broken_checkpoint_does_not_hide_the_others(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "out/checkpoint-100/trainer_state.json": state(100),
            "out/checkpoint-200/trainer_state.json": "[]",
        },
    )
    found = RunFiles("out", "trainer_state", tuple(map(str, sorted(tmp_path.rglob("*.json")))))
    (run,) = load(found)
    assert len(run.series["loss"]) == 10 and note(run, "unreadable-file")


def test_nothing_readable_is_a_read_error(tmp_path: Path) -> None:
    write(tmp_path, {"a.csv": "hello"})
    with pytest.raises(ReadError, match="no table"):
        load(RunFiles("a", "csv", (str(tmp_path / "a.csv"),)))
    with pytest.raises(ReadError, match="does not exist"):
        load(RunFiles("a", "csv", (str(tmp_path / "gone.csv"),)))


# ---------------------------------------------------------------------------- configuration


def test_settings_beside_the_log(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "v0/metrics.csv": csv(100),
            "v0/hparams.yaml": "optimizer:\n  lr: 1e-3\nmax_epochs: 90\nmilestones: [30, 60]\n",
            "v0/config.json": '{"max_epochs": 10, "warmup": "5e-2"}',
        },
    )
    run = only(runs(tmp_path))
    assert run.hparams == {
        "optimizer.lr": 1e-3, "max_epochs": 90, "milestones.0": 30, "milestones.1": 60,
        "warmup": 5e-2,
    }  # fmt: skip
    assert run.hparam_sources["optimizer.lr"].endswith("v0/hparams.yaml")
    assert run.hparam_sources["warmup"].endswith("v0/config.json")


@pytest.mark.parametrize("name", ["train_args.json", "train_config.json", "hyperparameters.json"])
def test_settings_that_scripts_dump_themselves(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"v0/metrics.csv": csv(100), f"v0/{name}": '{"num_train_epochs": 18}'})
    assert only(runs(tmp_path)).hparams == {"num_train_epochs": 18}


def test_settings_of_the_log_come_first(tmp_path: Path) -> None:
    write(
        tmp_path, {"o/trainer_state.json": state(100), "o/args.json": '{"max_steps": 5, "lr": 1}'}
    )
    run = only(runs(tmp_path))
    assert run.hparams["max_steps"] == 1000 and run.hparams["lr"] == 1


def test_settings_above_the_log(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "exp/version_0/csv/metrics.csv": csv(100),
            "exp/.hydra/config.yaml": "trainer: {epochs: 3}",
        },
    )
    assert only(runs(tmp_path)).hparams == {"trainer.epochs": 3}


def test_settings_above_are_not_taken_where_they_may_be_a_neighbours(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"a/metrics.csv": csv(100), "b/metrics.csv": csv(100, 1), "config.yaml": "epochs: 3"},
    )
    assert [r.hparams for r in runs(tmp_path)] == [{}, {}]


def test_settings_above_the_root_are_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path, {"exp/run/metrics.csv": csv(100), "exp/config.yaml": "epochs: 3"})
    assert only(runs(tmp_path / "exp" / "run")).hparams == {}
    assert only(runs(tmp_path / "exp")).hparams == {"epochs": 3}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("hparams.yaml", "a: 1\nb: [1\nc: 2\n", "line 3"),
        ("args.json", '{"a": 1,\n "b": }', "line 2"),
        ("config.json", "[" * 99_999, "nested too deeply"),
        ("config.yaml", "- 1\n- 2\n", "not a mapping"),
        ("config.yaml", "a" * (MAX_BYTES + 1), "larger than"),
        ("config.yaml", "? [a]\n: 1\n", "unhashable"),
        ("config.yaml", "a: *b\n", "line 1"),
        ("config.yaml", "a: !!bool maybe\n", "KeyError"),
        ("config.yaml", "[" * 99_999 + "]" * 99_999, "nested deeper than 100 levels"),
        ("config.yaml", "- " * 99_999, "nested deeper than 100 levels"),
        ("config.yaml", ALIASES, "aliases that stand for"),
    ],
)
def test_broken_settings_are_a_note(tmp_path: Path, name: str, text: str, says: str) -> None:
    write(tmp_path, {"r/metrics.csv": csv(100), f"r/{name}": text})
    run = only(runs(tmp_path))
    said = note(run, "configuration")
    assert not run.hparams and says in said.message and (said.file or "").endswith(name)


def test_pickles_and_code_are_named_and_left_alone(tmp_path: Path) -> None:
    hostile = b"cos\nsystem\n(S'touch hacked'\ntR."
    write(tmp_path, {"r/metrics.csv": csv(100), "r/config.py": "raise SystemExit"})
    (tmp_path / "r/training_args.bin").write_bytes(hostile)
    run = only(runs(tmp_path))
    files = [n.file or "" for n in run.notes if n.kind == "configuration"]
    assert len(files) == 2 and all("--expect" in n.message for n in run.notes)
    assert not list(tmp_path.rglob("hacked"))


def test_python_tags_in_yaml_are_plain_data(tmp_path: Path) -> None:
    text = (
        "args: !!python/object:argparse.Namespace\n  lr: 0.1\n"
        "path: !!python/object/apply:os.system ['touch hacked']\n"
        "name: !unknown resnet\n"
    )
    write(tmp_path, {"r/metrics.csv": csv(100), "r/hparams.yaml": text})
    hparams = only(runs(tmp_path)).hparams
    assert hparams["args.lr"] == 0.1 and hparams["name"] == "resnet"
    assert not list(tmp_path.rglob("hacked")) and not Path("hacked").exists()


def test_shape_of_a_model_is_no_setting(tmp_path: Path) -> None:
    model = '{"architectures": ["Bert"], "hidden_size": 768}'
    write(tmp_path, {"r/metrics.csv": csv(100), "r/config.json": model})
    assert only(runs(tmp_path)).hparams == {}


def test_nested_settings_are_bounded() -> None:
    bomb: Any = "x"
    for _ in range(12):
        bomb = [bomb] * 10
    found, left_out = flat({"a": bomb})
    assert len(found) <= MAX_SETTINGS and "after 5000 entries" in left_out
    deep: dict[str, Any] = {}
    deep["self"] = deep
    assert flat(deep) == ({}, "1 parts below 10 levels")
    words = {str(i): i for i in range(1001)}
    found, left_out = flat({"vocab": words, "lr": 0.1})
    assert found == {"lr": 0.1} and left_out == "'vocab' (1001 entries)"


def test_settings_left_out_are_a_note(tmp_path: Path) -> None:
    large = json.dumps({"lr": 0.1, "vocab": list(range(2000))})
    write(tmp_path, {"r/metrics.csv": csv(100), "r/config.json": large})
    run = only(runs(tmp_path))
    assert run.hparams == {"lr": 0.1}
    assert "without 'vocab' (2000 entries)" in note(run, "configuration").message


def test_settings_are_plain_and_bounded(tmp_path: Path) -> None:
    odd = {"a\x1b[2J\n": "b\x1b]0;x\x07\u202e", "big": 10**400, "wide": 2**70, "lr": 0.1}
    many = {f"k{i}": i for i in range(MAX_SETTINGS)}
    write(tmp_path, {"r/trainer_state.json": json.dumps({**json.loads(state(100)), **odd, **many})})
    run = only(runs(tmp_path))
    assert run.hparams["a\\x1b[2J\\n"] == "b\\x1b]0;x\\x07\\u202e"
    assert run.hparams["big"] == float("inf") and run.hparams["wide"] == 2.0**70
    assert len(run.hparams) == MAX_SETTINGS
    assert "settings beyond the first 5000 left out" in note(run, "settings").message


def test_yaml_numbers_written_as_text() -> None:
    text = {"a": "1e-3", "b": "2.5E4", "c": "v1e", "d": True, "e": None, "f": "1.5"}
    assert flat(text) == ({**text, "a": 1e-3, "b": 2.5e4}, "")
    endless = "1" * 1_000_000 + "x"  # to look for a number in it must not take for ever
    assert len(str(flat({"a": endless})[0]["a"])) == 1000


def test_log_that_is_itself_named_like_settings(tmp_path: Path) -> None:
    write(tmp_path, {"params.json": "{}"})
    path = str(tmp_path / "params.json")
    assert configuration((path,), str(tmp_path)).notes == ()
