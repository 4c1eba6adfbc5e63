"""``lrdoctor explain``: one rule in full."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import setup_options

if TYPE_CHECKING:
    from lrdoctor.verdict import Rule


@click.command(short_help="Explain one rule: why it matters, when it is harmless, how to fix it.")
@click.argument("code")
@setup_options
def command(
    code: str, config: str | None, rule_dirs: tuple[str, ...], exclude: tuple[str, ...]
) -> int:
    """Explains the rule CODE (LRD301) or its name (decay-too-fast)."""
    import difflib

    from lrdoctor.cli._job import make_job, settings

    book = make_job(settings(config), rule_dirs).rulebook
    rule = book.find(code)
    if rule is None:
        known = [label for r in book.rules for label in (r.code, r.name)]
        close = difflib.get_close_matches(code, known, n=1, cutoff=0.75)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise click.UsageError(f"no rule {code!r}.{hint} All rules: lrdoctor rules")
    click.echo(describe(rule, min(shutil.get_terminal_size((80, 24)).columns, 88)))
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
