"""``lrdoctor rules``: what is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import config_option, rules_option

if TYPE_CHECKING:
    from lrdoctor.verdict import Rule


@click.command(short_help="List the rules.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, thresholds included.")
@config_option
@rules_option
def command(as_json: bool, config: str | None, rule_dirs: tuple[str, ...]) -> int:
    """Lists every rule with its severity and what it finds."""
    from lrdoctor.cli._job import make_job, settings

    book = make_job(settings(config), rule_dirs).rulebook
    if as_json:
        import json

        click.echo(json.dumps([_as_table(rule) for rule in book.rules], indent=2))
        return 0
    width = max((len(rule.name) for rule in book.rules), default=0)
    for rule in book.rules:
        state = "off" if rule.code in book.disabled else str(rule.severity)
        click.echo(f"{rule.code}  {state:<8} {rule.name:<{width}}  {rule.title}")
    click.echo(f"\n{len(book.rules)} rules. More on one: lrdoctor explain CODE")
    return 0


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
        "references": list(rule.references),
        "thresholds": {
            name: {"value": t.value, "unit": t.unit, "source": t.source}
            for name, t in rule.thresholds.items()
        },
    }
