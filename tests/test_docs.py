"""The documents keep up with the program."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

import lrdoctor
from lrdoctor.cli import EXIT_CODES, group
from lrdoctor.cli.rules import index
from lrdoctor.config import load_config
from lrdoctor.rulebook import load_rulebook
from lrdoctor.verdict import Rule

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def commands() -> list[str]:
    return group.list_commands(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", commands())
def test_command_is_documented_and_has_help(name: str) -> None:
    assert f"`lrdoctor {name}" in README
    command = group.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None and command.help and command.short_help
    assert all(p.help for p in command.params if isinstance(p, click.Option))


@pytest.mark.parametrize("rule", load_rulebook().rules, ids=lambda r: r.code)
def test_rule_is_documented_and_points_at_real_samples(rule: Rule) -> None:
    assert (ROOT / rule.fires).is_dir()
    assert (ROOT / rule.quiet).is_dir()
    assert all(t.source and t.unit is not None for t in rule.thresholds.values())
    assert all(link.startswith("https://") for link in rule.references)


def test_index_of_rules_is_current(request: pytest.FixtureRequest) -> None:
    path = ROOT / "rules" / "README.md"
    made = index(load_rulebook().rules)
    if request.config.getoption("--update-golden"):
        path.write_text(made)
    assert path.read_text() == made
    for target in re.findall(r"\]\(([^)]+)\)", made):
        assert (path.parent / target).exists(), target


def test_pictures_of_rules_are_current(request: pytest.FixtureRequest) -> None:
    from sample_runs import pictures

    made = pictures.text(pictures.make())
    if request.config.getoption("--update-golden"):
        pictures.FILE.write_text(made, encoding="utf-8")
    assert pictures.FILE.read_text(encoding="utf-8") == made


def test_exit_codes_are_documented() -> None:
    for code in re.findall(r"^\s+(\d)  ", EXIT_CODES, re.MULTILINE):
        assert f"| {code} |" in README


def test_every_sample_run_is_described() -> None:
    text = (ROOT / "sample_runs" / "README.md").read_text()
    for folder in (ROOT / "sample_runs").iterdir():
        if folder.is_dir() and not folder.name.startswith(("_", ".")):
            assert f"`{folder.name}`" in text


def test_readme_configuration_is_valid(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert tomllib.loads(block)
    (tmp_path / "lrdoctor.toml").write_text(block)
    config = load_config(None, tmp_path)
    assert config.fail_on == "warning" and len(config.suppressions) == 1
    assert load_rulebook(overrides=config.rules).find("plateau-never-reduced") is not None


def test_public_functions_are_there_and_documented() -> None:
    for name in lrdoctor.__all__:
        assert getattr(lrdoctor, name)
        if name != "__version__":
            assert getattr(lrdoctor, name).__doc__
            assert f"lrdoctor.{name}" in README


def test_links_in_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
