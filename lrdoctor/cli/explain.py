"""``lrdoctor explain``: one rule in full."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import config_option, rules_option

if TYPE_CHECKING:
    from lrdoctor.verdict import Rule

_HEIGHT = 4


@click.command(short_help="Explain one rule: why it matters, when it is harmless, how to fix it.")
@click.argument("code")
@config_option
@rules_option
def command(code: str, config: str | None, rule_dirs: tuple[str, ...]) -> int:
    """Explains the rule CODE (LRD301) or its name (decay-too-fast)."""
    from lrdoctor.cli._output import terminal_width
    from lrdoctor.errors import did_you_mean
    from lrdoctor.job import make_job, settings

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
    lines += [f"  severity {rule.severity}, confidence {rule.confidence}"]
    lines += [paragraph(text) for text in _track_record(rule)]
    lines += ["", *_drawn(rule, width)]
    for heading, text in (("Why it matters", rule.why), ("When it is harmless", rule.harmless)):
        lines += [heading]
        lines += [paragraph(part) for part in text.split("\n\n")]
        lines += [""]
    if rule.fixes:
        lines += ["Fixes, in the order to try them"]
        lines += [f"  {name.replace('_', ' ')}" for name in rule.fixes]
    else:
        lines += ["Fixes", paragraph("No LR schedule mends this; see why it matters.")]
    if rule.explained_by:
        lines += ["", "Not listed by itself where one of these explains it"]
        lines += [paragraph(", ".join(rule.explained_by))]
    lines += ["", "Thresholds"]
    for name, threshold in rule.thresholds.items():
        lines += [paragraph(f"{name} = {threshold.value:g} {threshold.unit}")]
        lines += [paragraph(threshold.source, "      ")]
    if rule.references:
        lines += ["", "References", *(f"  {link}" for link in rule.references)]
    return "\n".join(lines)


def _track_record(rule: Rule) -> list[str]:
    """What the rule did on trainings that no threshold was made on."""
    from lrdoctor.casebook import measured

    known = measured()
    figures = known.rules.get(rule.code) if known else None
    if known is None or figures is None:
        return ["not measured yet on fresh trainings"]
    found = f"found in {figures.found} of {figures.runs} faulty trainings"
    alarms = f"{figures.true} of its {figures.alarms} warnings and errors were true"
    parts = [*([found] if figures.runs else []), *([alarms] if figures.alarms else [])]
    return [f"measured {known.date} on fresh seeds: {', '.join(parts)}"] if parts else []


def _drawn(rule: Rule, width: int) -> list[str]:
    """The fault's picture: the curve of a sample run that has it, and of one that has not."""
    from lrdoctor.casebook import pictures_of
    from lrdoctor.reports._plot import plot_all

    lines: list[str] = []
    for picture in pictures_of(rule.code):
        sides = (("with the fault", picture.sick, picture.span), ("healthy", picture.healthy, None))
        for side, series, span in sides:
            drawn = series and plot_all([series], span, width - 2, _HEIGHT, log=picture.log)
            if drawn:
                lines += [f"  {picture.signal}, {side}"]
                lines += [f"  {label}{canvas}".rstrip() for label, canvas in drawn.rows]
                lines += [f"  {drawn.axis}", f"  {drawn.ends}", ""]
    return lines
