"""``lrdoctor explain``: one rule in full."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import config_option, rules_option

if TYPE_CHECKING:
    from lrdoctor.verdict import Rule


@click.command(short_help="Explain one rule: why it matters, when it is harmless, how to fix it.")
@click.argument("code")
@config_option
@rules_option
def command(code: str, config: str | None, rule_dirs: tuple[str, ...]) -> int:
    """Explains the rule CODE (LRD301) or its name (decay-too-fast)."""
    from lrdoctor.cli._job import make_job, settings
    from lrdoctor.cli._output import terminal_width
    from lrdoctor.errors import did_you_mean

    book = make_job(settings(config), rule_dirs).rulebook
    rule = book.find(code)
    if rule is None:
        hint = did_you_mean(code, book.labels(), cutoff=0.75)
        raise click.UsageError(f"no rule {code!r}{hint}; all rules: lrdoctor rules")
    click.echo(describe(rule, min(terminal_width(), 88)))
    return 0


def describe(rule: Rule, width: int = 80) -> str:
    """The rule as text of at most ``width`` columns."""

    def paragraph(text: str, indent: str = "  ") -> str:
        return textwrap.fill(
            " ".join(text.split()), width, initial_indent=indent, subsequent_indent=indent
        )

    lines = [f"{rule.code} {rule.name}", paragraph(rule.title), ""]
    lines += [f"  severity {rule.severity}, confidence {rule.confidence}", ""]
    for heading, text in (("Why it matters", rule.why), ("When it is harmless", rule.harmless)):
        lines += [heading]
        lines += [paragraph(part) for part in text.split("\n\n")]
        lines += [""]
    lines += ["Fixes, in the order to try them"]
    lines += [f"  {name.replace('_', ' ')}" for name in rule.fixes]
    lines += ["", "Thresholds"]
    for name, threshold in rule.thresholds.items():
        lines += [f"  {name} = {threshold.value:g} {threshold.unit}"]
        lines += [paragraph(threshold.source, "      ")]
    if rule.references:
        lines += ["", "References", *(f"  {link}" for link in rule.references)]
    return "\n".join(lines)
