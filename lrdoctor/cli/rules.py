"""``lrdoctor rules``: what is checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import config_option, rules_option

if TYPE_CHECKING:
    from lrdoctor.verdict import Rule

_COLUMNS = (
    "code", "rule", "severity", "confidence", "finds", "found", "true", "fixes", "fires on",
    "quiet on",
)  # fmt: skip


@click.command(short_help="List the rules.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, thresholds included.")
@click.option("--markdown", is_flag=True, help="As the index that lies in the folder of rules.")
@config_option
@rules_option
def command(as_json: bool, markdown: bool, config: str | None, rule_dirs: tuple[str, ...]) -> int:
    """Lists every rule with its severity and what it finds."""
    from lrdoctor.job import make_job, settings

    book = make_job(settings(config), rule_dirs).rulebook
    if as_json:
        import json

        click.echo(json.dumps([_as_table(rule) for rule in book.rules], indent=2))
        return 0
    if markdown:
        click.echo(index(book.rules), nl=False)
        return 0
    width = max((len(rule.name) for rule in book.rules), default=0)
    for rule in book.rules:
        state = "off" if rule.code in book.disabled else str(rule.severity)
        click.echo(f"{rule.code}  {state:<8} {rule.name:<{width}}  {rule.title}")
    click.echo(f"\n{len(book.rules)} rules. More on one: lrdoctor explain CODE")
    return 0


def index(rules: Sequence[Rule]) -> str:
    """All rules as a Markdown page; links are relative to the folder of rules."""
    head = (
        "# Rules\n\n"
        "Made by `lrdoctor rules --markdown > rules/README.md`; a test compares. "
        "`lrdoctor explain CODE`\ntells the rest: why a rule matters, when it is harmless, "
        "where each threshold comes from.\n\n"
        f"{_measured_text()}"
        f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|\n"
    )
    return head + "".join(map(_row, rules))


def _measured_text() -> str:
    """When and on what the columns "found" and "true" were measured."""
    from lrdoctor.casebook import measured

    known = measured()
    if known is None:
        return ""
    return (
        f"Measured on {known.date} on fresh trainings (seeds {known.seeds} of "
        "`python -m benchmarks.accuracy.run`), which no\nthreshold was made on: *found* of the "
        "trainings with the fault; *true* of the rule's warnings and errors on\ntrainings with "
        f"and without faults. Of {known.healthy} healthy trainings and controls "
        f"{known.flagged} got a warning or error of any rule.\n\n"
    )


def _figures(rule: Rule) -> tuple[str, str]:
    from lrdoctor.casebook import measured

    known = measured()
    figures = known.rules.get(rule.code) if known else None
    if figures is None:
        return "–", "–"
    found = f"{figures.found} of {figures.runs}" if figures.runs else "–"
    return found, f"{figures.true} of {figures.alarms}" if figures.alarms else "–"


def _row(rule: Rule) -> str:
    samples = (f"[{path.rsplit('/', 1)[-1]}](../{path})" for path in (rule.fires, rule.quiet))
    cells = (
        rule.code,
        f"[{rule.name}]({rule.category}/{rule.name}.toml)",
        rule.severity,
        rule.confidence,
        rule.title,
        *_figures(rule),
        ", ".join(name.replace("_", " ") for name in rule.fixes),
        *samples,
    )
    return f"| {' | '.join(cells)} |\n"


def _as_table(rule: Rule) -> dict[str, object]:
    return {
        "code": rule.code,
        "name": rule.name,
        "category": rule.category,
        "title": rule.title,
        "severity": rule.severity,
        "confidence": rule.confidence,
        "why": rule.why,
        "harmless": rule.harmless,
        "fixes": list(rule.fixes),
        "explained_by": list(rule.explained_by),
        "references": list(rule.references),
        "thresholds": {
            name: {"value": t.value, "unit": t.unit, "source": t.source}
            for name, t in rule.thresholds.items()
        },
    }
