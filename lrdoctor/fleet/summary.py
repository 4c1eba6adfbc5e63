"""A scan in words: what is new, what is fixed, what is open by rule, and one line of counts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from lrdoctor.fleet.scan import Progress, Tally
from lrdoctor.fleet.trends import RuleCount, Stored
from lrdoctor.fleet.when import duration
from lrdoctor.reports._format import count

MOST_SHOWN = 30
MOST_NAMED = 4


def findings(
    kind: str, found: Sequence[Stored], width: int, most: int | None = MOST_SHOWN
) -> Iterator[str]:
    """What was found, once for all runs it was found in; the first ``most`` of such groups.

    ``kind`` is the first word of each, and the option of ``lrdoctor history`` that shows all.
    """
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for item in found:
        groups.setdefault((item.severity, item.code, item.rule, item.message), []).append(item.run)
    for (severity, code, rule, message), runs in list(groups.items())[:most]:
        told = runs[0] if len(runs) == 1 else f"in {len(runs)} runs"
        yield f"{kind} {severity.upper()} {code} {rule}  {told}"
        text = textwrap.shorten(message, 3 * (width - 4), placeholder=" …")
        yield from _indented(text, width)
        if len(runs) > 1:
            named = runs if most is None else runs[:MOST_NAMED]
            more = f" and {len(runs) - len(named)} more" if len(runs) > len(named) else ""
            yield from _indented(", ".join(named) + more, width)
    if most is not None and len(groups) > most:
        left = len(groups) - most
        yield f"… and {left} kinds more: lrdoctor history --{kind.lower()} shows all"


def _indented(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent="    ", subsequent_indent="    ")


def rules(counts: Sequence[RuleCount]) -> Iterator[str]:
    """A line per rule with open findings."""
    if not counts:
        return
    yield "Open findings by rule:"
    widest = max(len(c.rule) for c in counts)
    for c in counts:
        new = f"  {c.new} new" if c.new else ""
        yield f"  {c.code}  {c.rule:{widest}}  {c.severity:7}  {c.open:6}{new}"


def totals(tally: Tally, unjudged: int) -> str:
    """What became of the logs: the beginning of the last line."""
    rate = tally.judged / tally.seconds if tally.seconds else 0.0
    parts = [
        f"{count(tally.found, 'log')} in {_seconds(tally.seconds)}: {tally.unchanged} unchanged",
        f"{tally.judged} read ({_bytes(tally.bytes_read)}, {rate:.0f}/s)",
        f"{tally.unreadable} unreadable",
    ]
    if unjudged:
        parts.append(f"{unjudged} not judgeable")
    if tally.left_out:
        parts.append(f"{tally.left_out} older than --since")
    if tally.gone:
        parts.append(f"{tally.gone} gone")
    return ", ".join(parts)


def progress_line(progress: Progress) -> str:
    """Done, rate and the time that is left, where all logs have been found."""
    rate = progress.done / progress.seconds if progress.seconds else 0.0
    more = "" if progress.complete else "+"
    text = f"{progress.done}/{progress.total}{more} logs, {rate:.0f}/s"
    if progress.complete and rate:
        text += f", {duration((progress.total - progress.done) / rate)} left"
    return text


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def _bytes(size: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size = size / 1000  # type: ignore[assignment]
    raise AssertionError
