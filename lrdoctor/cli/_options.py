"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


config_option = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False),
    help="Configuration file (default: lrdoctor.toml or [tool.lrdoctor], searched upward).",
)


rules_option = click.option(
    "--rules",
    "rule_dirs",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    help="Folder with further rule files (repeat).",
)
exclude_option = click.option(
    "--exclude", multiple=True, metavar="GLOB", help="Leave out paths that match (repeat)."
)
FAIL_ON = click.Choice(["error", "warning", "info", "never"])
fail_on_option = click.option(
    "--fail-on",
    type=FAIL_ON,
    help="Exit with 1 from this severity on (default: error).",
)

baseline_option = click.option(
    "--baseline",
    metavar="FILE",
    help="Known findings, which do not fail (lrdoctor baseline write makes the file).",
)


def meaning_options(function: Command) -> Command:
    """``--role`` and ``--expect``: what the user knows better than the log."""
    role = click.option(
        "--role",
        "roles",
        multiple=True,
        metavar="ROLE=TAG",
        help="Which series is what: lr=TAG, train_loss=TAG, val_loss=TAG, ignore=TAG … (repeat).",
    )
    expect = click.option(
        "--expect",
        multiple=True,
        metavar="KEY=VALUE",
        help="What was intended: epochs=90, pct_start=0.2, total_steps=9000 … (repeat).",
    )
    return role(expect(function))


def output_options(function: Command) -> Command:
    """``--report``, ``--report-dir``, ``--format``, ``--quiet`` and ``--verbose``: where a report
    goes, how full."""
    report = click.option(
        "--report",
        "report_files",
        multiple=True,
        metavar="FILE",
        help="Also write a report; the name says which (.html, .json, .md, .sarif, .xml …).",
    )
    folder = click.option(
        "--report-dir",
        metavar="DIR",
        help="Also write an HTML report of one page per run, with an index (--report FILE.html "
        "does so by itself beyond 50 runs with faults).",
    )
    kind = click.option(
        "--format",
        "formats",
        multiple=True,
        metavar="KIND[:FILE]",
        help="Report format, on standard output or to a file (repeat): text, html, json, markdown, "
        "sarif, junit, gitlab, github. Default: text.",
    )
    quiet = click.option("-q", "--quiet", is_flag=True, help="One line per finding.")
    verbose = click.option(
        "-v", "--verbose", is_flag=True, help="Evidence, passed and not-judged checks."
    )
    return report(folder(kind(quiet(verbose(function)))))


def training_options(function: Command) -> Command:
    """``--task``, ``--device``, ``--seeds`` and ``--budget``: how to train for a replay."""
    task = click.option(
        "--task",
        metavar="NAME|FILE.py[:NAME]",
        help="What to train: teacher, digits or letters for a proxy, your own file for user.",
    )
    device = click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where to train; auto takes a GPU where there is one.",
    )
    seeds = click.option(
        "--seeds", type=click.IntRange(min=1), help="Trainings per schedule (default: 8, user: 3)."
    )
    budget = click.option(
        "--budget",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Stop the trainings for a run after this time (default: none, user: 600).",
    )
    return task(device(seeds(budget(function))))


def pairs(values: Iterable[str], option: str) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping. Raises ``UsageError`` for a text without ``=``."""
    result = {}
    for text in values:
        key, sign, value = text.partition("=")
        if not sign or not key.strip() or not value.strip():
            raise click.UsageError(f"{option} takes KEY=VALUE, got {text!r}")
        result[key.strip()] = value.strip()
    return result


def role_tags(values: Iterable[str]) -> dict[str, str]:
    """``ROLE=TAG`` texts as tag -> role; a role may be given to several tags.

    Raises ``UsageError`` for a role that there is not.
    """
    from lrdoctor.roles import IGNORE
    from lrdoctor.types import Role

    known = (*map(str, Role), IGNORE)
    found: dict[str, str] = {}
    for text in values:
        for role, tag in pairs([text], "--role").items():
            if role not in known:
                raise click.UsageError(
                    f"--role {text}: unknown role {role!r}; roles: {', '.join(known)}"
                )
            found[tag] = role
    return found
