"""``lrdoctor history``: when findings came and went, from the state file of earlier scans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lrdoctor.fleet.history import FirstBad, ProjectCount, ScanRow
    from lrdoctor.fleet.store import Store
    from lrdoctor.fleet.trends import Stored

_BARS = "▁▂▃▄▅▆▇█"


@click.command(short_help="When findings came and went in the scans so far.")
@click.argument("subject", required=False)
@click.option(
    "--state",
    default="lrdoctor.sqlite",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="The state file of lrdoctor scan.",
)
@click.option("--new", is_flag=True, help="Findings that the last scan saw first.")
@click.option("--fixed", is_flag=True, help="Findings that the last scan no longer saw.")
@click.option("--trend", is_flag=True, help="Open findings of each rule over the scans.")
@click.option(
    "--scans",
    "most",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many scans to look back.",
)
@click.option("--report-dir", metavar="DIR", help="Write a page of all runs and the course so far.")
def command(
    subject: str | None,
    state: str,
    new: bool,
    fixed: bool,
    trend: bool,
    most: int,
    report_dir: str | None,
) -> int:
    """Answers from what lrdoctor scan stored; reads no logs.

    SUBJECT is a rule (name or code), or a run: its name, the end of it, or a pattern such as
    'project3/*'. Without one, the scans and the folders that lose most.
    """
    from lrdoctor.cli._fleet import report_pages
    from lrdoctor.fleet.history import rule_names, scans
    from lrdoctor.fleet.state_file import read_store

    with read_store(state) as store:
        latest = scans(store, most)
        if not latest:
            click.echo("no scan has come to its end yet")
            return 0
        if new or fixed:
            lines = _changes(store, latest, new, fixed, subject)
        elif trend:
            lines = _trends(store, latest, subject)
        elif subject is None:
            lines = _overview(store, latest)
        elif subject in rule_names(store):
            lines = _rule(store, latest, subject)
        else:
            lines = _run(store, latest, subject)
        for line in lines:
            click.echo(line)
        pages = report_pages(report_dir, store)
        if pages is not None:
            click.echo(pages.finish(), err=True)
    return 0


def _overview(store: Store, latest: Sequence[ScanRow]) -> Iterator[str]:
    from lrdoctor.fleet.history import projects
    from lrdoctor.fleet.when import duration, shown

    yield "scan  began             took         read  unchanged  unreadable  open findings"
    for s in latest:
        took = duration(s.finished - s.started)
        yield (
            f"{s.id:4}  {shown(s.started)}  {took:11}  {s.judged:4}  {s.unchanged:9}  "
            f"{s.unreadable:10}  {s.open_findings:13}"
        )
    found = projects(store)
    if found:
        yield ""
        yield from _projects(found)


def _projects(found: Sequence[ProjectCount], most: int = 15) -> Iterator[str]:
    from lrdoctor.fleet.when import duration

    yield "runs with findings  time in faulty spans, at most  folder"
    for p in found[:most]:
        lost = f"{duration(p.wasted)} of {duration(p.seconds)}" if p.seconds else "no times logged"
        yield f"{p.with_findings:8} of {p.runs:<7}  {lost:29}  {p.project}"
    if len(found) > most:
        yield f"… and {len(found) - most} more folders"


def _changes(
    store: Store, latest: Sequence[ScanRow], new: bool, fixed: bool, subject: str | None
) -> Iterator[str]:
    from fnmatch import fnmatchcase

    from lrdoctor.cli._output import terminal_width
    from lrdoctor.fleet.summary import findings
    from lrdoctor.fleet.trends import fixed_since, new_since

    before = store.last_finished(latest[-1].id)
    wanted = [("NEW", new_since(store, before))] if new else []
    wanted += [("FIXED", fixed_since(store, before))] if fixed else []
    for kind, found in wanted:
        chosen = [
            f
            for f in found
            if subject is None or subject in (f.rule, f.code) or fnmatchcase(f.run, subject)
        ]
        if not chosen:
            yield f"nothing {kind.lower()} in scan {latest[-1].id}"
        yield from findings(kind, chosen, terminal_width(), most=None)


def _trends(store: Store, latest: Sequence[ScanRow], subject: str | None) -> Iterator[str]:
    from lrdoctor.fleet.history import trends
    from lrdoctor.fleet.when import shown

    found = trends(store, latest, subject)
    if not found:
        yield f"no finding of {subject}" if subject else "no findings yet"
        return
    yield (
        f"open findings in the {len(latest)} scans from {shown(latest[0].started)} "
        f"to {shown(latest[-1].started)}"
    )
    widest = max(len(t.rule) for t in found)
    for t in found:
        yield f"{t.code}  {t.rule:{widest}}  {_spark(t.counts)}  {t.counts[0]} → {t.counts[-1]}"


def _spark(counts: Sequence[int]) -> str:
    top = max(1, *counts)
    return "".join("·" if not n else _BARS[(n * (len(_BARS) - 1)) // top] for n in counts)


def _rule(store: Store, latest: Sequence[ScanRow], rule: str) -> Iterator[str]:
    from lrdoctor.fleet.history import first_bad, of_rule, projects

    found = of_rule(store, rule)
    counts = {state: sum(f.state == state for f in found) for state in ("open", "fixed", "gone")}
    told = ", ".join(f"{n} {state}" for state, n in counts.items() if n)
    yield f"{found[0].code} {found[0].rule}: {told}"
    yield from _trends(store, latest, rule)
    yield ""
    yield from _projects(projects(store, rule))
    yield ""
    yield from _first_bad(list(first_bad(store, rule)))


def _first_bad(found: Sequence[FirstBad], most: int = 15) -> Iterator[str]:
    from lrdoctor.fleet.when import shown

    yield "first run with it in each folder"
    for f in found[:most]:
        commit = f", commit {f.commit[:12]}" if f.commit else ""
        yield f"  {f.run} (began {shown(f.began)}{commit})"
        if f.good_run:
            commit = f", commit {f.good_commit[:12]}" if f.good_commit else ""
            yield f"    the run before had none: {f.good_run}{commit}"
    if len(found) > most:
        yield f"… and {len(found) - most} more folders"


def _run(store: Store, latest: Sequence[ScanRow], pattern: str) -> Iterator[str]:
    from lrdoctor.errors import ConfigError, did_you_mean
    from lrdoctor.fleet.history import of_run, rule_names, runs_like
    from lrdoctor.fleet.when import shown

    names = runs_like(store, pattern)
    if not names:
        known = sorted(rule_names(store)) + [row[0] for row in store.rows("SELECT name FROM run")]
        hint = did_you_mean(pattern, known[:5000])
        raise ConfigError(f"no rule with findings and no run is called {pattern!r}{hint}")
    began = {s.id: shown(s.started) for s in latest}
    found = of_run(store, pattern)
    if not found:
        yield f"{len(names)} run{'s' * (len(names) > 1)}, no finding in any scan"
    for f in found:
        yield f"{f.run}  {f.severity.upper()} {f.code} {f.rule}"
        yield f"  {_life(f, began)}"


def _life(f: Stored, began: dict[int, str]) -> str:
    def at(scan: int) -> str:
        return f"scan {scan} ({began[scan]})" if scan in began else f"scan {scan}"

    if f.state == "open":
        return f"open since {at(f.first_scan)}"
    what = "fixed" if f.state == "fixed" else "its log has gone"
    return f"first seen in {at(f.first_scan)}, {what} in {at(f.closed_scan or f.last_scan)}"
