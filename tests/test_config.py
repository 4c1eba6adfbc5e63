"""The site configuration: what it may say, where it is found, and errors that name the line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from lrdoctor.config import Config, load_config
from lrdoctor.errors import ConfigError
from lrdoctor.verdict import Suppression

FULL = """\
fail_on = "warning"
jobs = 4
exclude = ["**/debug/*"]
rules_dirs = ["house_rules"]

[roles]
train_loss = "loss/total"
lr = ["opt/a", "opt/b"]

[expect]
epochs = 90
pct_start = 0.2
milestones = [30, 60]

[rules.loss-jump-at-lr-drop]
severity = "info"
thresholds.rise_sigma = 5

[rules.LRD402]
enabled = false
reason = "constant LR is house style"

[[suppress]]
rule = "LRD301"
runs = "probe/*"
reason = "known"
until = 2030-01-31

[[suppress]]
rule = "decay-too-fast"
reason = "for ever"
"""


def write(folder: Path, text: str, name: str = "lrdoctor.toml") -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def error_of(folder: Path, text: str, name: str = "lrdoctor.toml") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_config(write(folder, text, name), folder)
    return caught.value


def test_everything_that_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "house_rules").mkdir()
    path = write(tmp_path, FULL)
    config = load_config(path, tmp_path)
    assert (config.fail_on, config.jobs, config.exclude) == ("warning", 4, ("**/debug/*",))
    assert config.rules_dirs == (str(tmp_path.resolve() / "house_rules"),)
    assert config.roles == {"loss/total": "train_loss", "opt/a": "lr", "opt/b": "lr"}
    assert config.expect == {"epochs": "90", "pct_start": "0.2", "milestones": "[30, 60]"}
    assert config.rules == {
        "loss-jump-at-lr-drop": {"severity": "info", "thresholds": {"rise_sigma": 5}},
        "LRD402": {"enabled": False, "reason": "constant LR is house style"},
    }
    assert config.suppressions == (
        Suppression("LRD301", "known", "probe/*", "2030-01-31"),
        Suppression("decay-too-fast", "for ever"),
    )
    assert config.path == str(path)


def test_suppressions_end_on_their_day(tmp_path: Path) -> None:
    (tmp_path / "house_rules").mkdir()
    config = load_config(write(tmp_path, FULL), tmp_path)
    dated, endless = config.suppressions
    assert config.active_suppressions(date(2030, 1, 30)) == (dated, endless)
    assert config.active_suppressions(date(2030, 1, 31)) == (endless,)
    assert config.expired_suppressions(date(2030, 1, 31)) == (dated,)


def test_nothing_found_gives_the_defaults(tmp_path: Path) -> None:
    write(tmp_path, "[project]\nname = 'other'\n", "pyproject.toml")
    assert load_config(None, tmp_path) == Config()


def test_search_goes_upward_and_prefers_the_own_file(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(tmp_path, "[tool.lrdoctor]\njobs = 1\n", "pyproject.toml")
    assert load_config(None, inner).jobs == 1
    write(tmp_path / "a", "[tool.black]\n", "pyproject.toml")
    assert load_config(None, inner).jobs == 1
    write(tmp_path, "jobs = 2\n")
    assert load_config(None, inner).jobs == 2
    write(inner, "jobs = 3\n")
    assert load_config(None, inner).jobs == 3


@pytest.mark.parametrize("text", ["[project\n", "tool = 5  # lrdoctor\n", "[lrdoctor]\na = 1\n"])
def test_a_broken_file_of_others_is_not_ours(tmp_path: Path, text: str) -> None:
    write(tmp_path, text, "pyproject.toml")
    assert load_config(None, tmp_path) == Config()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("jobs = 2\nfail_on == 1\n", 2, "not valid TOML"),
        ("\nfail_one = 'error'\n", 2, "did you mean 'fail_on'"),
        ("jobs = 0\n", 1, "jobs = 0 must be a whole number"),
        ("jobs = true\n", 1, "whole number"),
        ("fail_on = 'fatal'\n", 1, "one of error, warning, info, never"),
        ("exclude = 'x'\n", 1, "list of texts"),
        ("rules_dirs = ['none']\n", 1, "no folder"),
        ("roles = 3\n", 1, "roles must be a table"),
        ("[roles]\n\ntrain_los = 'x'\n", 3, "did you mean 'train_loss'"),
        ("[roles]\nlr = 3\n", 2, "roles.lr must be a list of texts"),
        ("[expect]\nepoch = 3\n", 2, "did you mean 'epochs'"),
        ("[expect.epochs]\na = 1\n", 1, "must be a number or a text"),
        ("[expect]\nlr = 0.1\nepochs = 'many'\n", 3, "epochs must be a number above 0"),
        ("[expect]\npct_start = 20\n", 2, "pct_start must be a share"),
        ("[rules.x.thresholds]\na = nan\n", 2, "must be a number"),
        ("jobs = 2\nexclude = [", 2, "not valid TOML"),
        ("[rules.x]\nseverty = 'info'\n", 2, "did you mean 'severity'"),
        ("[rules.x]\nseverity = 'fatal'\n", 2, "must be one of info, warning, error"),
        ("[rules.x]\nenabled = false\n", 1, "rules.x.reason must be a text"),
        ("[rules.x]\nenabled = 'no'\n", 2, "true or false"),
        ("[rules.x]\nthresholds = 3\n", 2, "rules.x.thresholds must be a table"),
        ("[rules.x.thresholds]\na = 'b'\n", 2, "rules.x.thresholds.a must be a number"),
        ("[suppress]\nrule = 'x'\n", 1, "written [[suppress]]"),
        ("[[suppress]]\nrule='x'\nreason='y'\n[[suppress]]\nrule='x'\n", 4, "reason must be"),
        ("[[suppress]]\nrule = 'x'\nreason = ''\n", 3, "not empty"),
        ("[[suppress]]\nrule='x'\nreason='y'\nrun = 'z'\n", 4, "did you mean 'runs'"),
        ("[[suppress]]\nrule='x'\nreason='y'\nuntil = 'May'\n", 4, "must be a date"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    error = error_of(tmp_path, text)
    assert message in error.reason
    assert (error.path, error.line) == (str(tmp_path / "lrdoctor.toml"), line)


def test_line_inside_a_pyproject(tmp_path: Path) -> None:
    text = "[project]\njobs = 'x'\n[tool.lrdoctor]\nexclude = []\njobs = 'x'\n"
    assert error_of(tmp_path, text, "pyproject.toml").line == 5


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.toml", tmp_path)


def test_a_named_pyproject_may_say_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "[project]\n", "pyproject.toml")
    assert load_config(path, tmp_path) == Config(path=str(path))
