"""Joins configuration file and flags into a job; flags win."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrdoctor.baseline import Baseline
    from lrdoctor.config import Config
    from lrdoctor.errors import RuleError
    from lrdoctor.fleet.worker import Job
    from lrdoctor.rulebook import Rulebook
    from lrdoctor.types import Note


def settings(path: str | None) -> Config:
    """The configuration in ``path``, or the one found from the current folder upward."""
    from lrdoctor.config import load_config

    return load_config(Path(path) if path else None, Path.cwd())


def make_job(
    site: Config,
    rule_dirs: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    expect: Mapping[str, str] | None = None,
    replay: str = "dry-run",
    torch_check: bool = False,
) -> Job:
    """The job that configuration and flags describe together."""
    from lrdoctor.errors import RuleError
    from lrdoctor.fleet.worker import Job
    from lrdoctor.rulebook import load_rulebook

    try:
        book = load_rulebook((*site.rules_dirs, *rule_dirs), site.rules)
    except RuleError as error:
        raise _placed(error, site) from None
    _check_suppressed(site, book)
    return Job(
        rulebook=book,
        roles={**site.roles, **(roles or {})},
        expect={**site.expect, **(expect or {})},
        suppressions=site.active_suppressions(date.today()),
        replay=replay,
        torch_check=torch_check,
    )


def _check_suppressed(site: Config, book: Rulebook) -> None:
    """A misspelt rule would suppress nothing for ever. Raises ``ConfigError``."""
    from lrdoctor.config import line_in
    from lrdoctor.errors import ConfigError, did_you_mean

    known = book.labels()
    for index, rule in enumerate(s.rule for s in site.suppressions):
        if rule not in known:
            reason = f"[[suppress]] rule = {rule!r}: no such rule{did_you_mean(rule, known)}"
            line = line_in(site.path, "suppress", index, "rule") if site.path else None
            raise ConfigError(reason, site.path, line)


def _placed(error: RuleError, site: Config) -> RuleError:
    """An error about a table ``[rules.x]`` with the file and line where that stands."""
    from lrdoctor.config import line_in
    from lrdoctor.errors import RuleError

    table = re.match(r"\[rules\.(.+?)\]", error.reason)
    if error.path is not None or site.path is None or table is None:
        return error
    return RuleError(error.reason, site.path, line_in(site.path, "rules", table[1]))


def known_findings(site: Config, path: str | None) -> Baseline | None:
    """The baseline in ``path``, or the one that the configuration names. Raises ``ConfigError``."""
    from lrdoctor.baseline import read_baseline

    chosen = path or baseline_path(site)
    return None if chosen is None else read_baseline(chosen)


def baseline_path(site: Config) -> str | None:
    """The baseline that the configuration names, relative to the current folder where it is in it:
    reports name it, and should not depend on where a checkout lies."""
    if site.baseline is None:
        return None
    path, here = Path(site.baseline), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def expired(site: Config) -> tuple[Note, ...]:
    """A note per suppression whose end has come: its findings are shown again."""
    from lrdoctor.types import Note

    return tuple(
        Note("expired-suppression", f"the suppression of {s.rule} ended on {s.until}", site.path)
        for s in site.expired_suppressions(date.today())
    )
