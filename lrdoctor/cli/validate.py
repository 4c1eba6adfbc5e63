"""``lrdoctor validate``: configuration, rules and baseline, before they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import baseline_option, config_option, rules_option

if TYPE_CHECKING:
    from lrdoctor.baseline import Baseline
    from lrdoctor.config import Config
    from lrdoctor.rulebook import Rulebook


@click.command(short_help="Check configuration, rules and baseline without any log.")
@config_option
@rules_option
@baseline_option
def command(config: str | None, rule_dirs: tuple[str, ...], baseline: str | None) -> int:
    """Checks that lrdoctor.toml (or [tool.lrdoctor] in pyproject.toml), the rule files and the
    baseline that they name can be used: for a pre-commit hook, or before a long scan.

    A mistake is one line with file, place and remedy, and the exit code 2. What has ended, such as
    a suppression whose date has come, is a warning.
    """
    from lrdoctor.job import known_findings, make_job, settings

    site = settings(config)
    book = make_job(site, rule_dirs).rulebook
    known = known_findings(site, baseline)
    if known is not None:
        _check_rules(known, book)
    for line in _summary(site, book, known):
        click.echo(line)
    for warning in _ended(site, known):
        click.echo(f"warning: {warning}", err=True)
    return 0


def _check_rules(known: Baseline, book: Rulebook) -> None:
    """An entry of a rule that there is not would never match again. Raises ``ConfigError``."""
    from lrdoctor.errors import ConfigError, did_you_mean

    labels = book.labels()
    for index, entry in enumerate(known.entries):
        if entry.rule not in labels:
            hint = did_you_mean(entry.rule, labels) or "; lrdoctor baseline prune removes it"
            raise ConfigError(f"findings[{index}].rule: no rule {entry.rule!r}{hint}", known.path)


def _summary(site: Config, book: Rulebook, known: Baseline | None) -> Iterator[str]:
    """What was found and checked, a line each."""
    from lrdoctor.reports._format import count

    if site.path is None:
        yield "no lrdoctor.toml and no [tool.lrdoctor] here or above: defaults apply"
    else:
        changed = count(len(site.rules), "rule") + " changed"
        suppressed = count(len(site.suppressions), "suppression")
        yield f"{site.path}: valid, fail_on {site.fail_on}, {changed}, {suppressed}"
    off = f", {len(book.disabled)} switched off" if book.disabled else ""
    yield f"rules: {count(len(book.rules), 'rule')} valid{off}"
    if known is not None:
        yield f"{known.path}: valid, {count(len(known.entries), 'known finding')}"


def _ended(site: Config, known: Baseline | None) -> Iterator[str]:
    """Suppressions and entries whose date has come."""
    from datetime import date

    from lrdoctor.baseline import ended, listed
    from lrdoctor.job import expired

    for note in expired(site):
        yield f"{note.file}: {note.message}"
    gone = () if known is None else ended(known.entries, date.today())
    if known is not None and gone:
        yield f"{known.path}: no longer accepted: {listed(gone)}"
