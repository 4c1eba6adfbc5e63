"""``lrdoctor watch``: follows trainings while they run."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from lrdoctor.cli._options import (
    config_option,
    exclude_option,
    fail_on_option,
    meaning_options,
    pairs,
    role_tags,
    rules_option,
)

if TYPE_CHECKING:
    from types import FrameType

    from lrdoctor.cli._watch_screen import Screen
    from lrdoctor.cli._watch_stop import StopFile
    from lrdoctor.fleet.live import Watch
    from lrdoctor.fleet.pace import Pace

_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command(short_help="Follow trainings while they run and tell what goes wrong.")
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option(
    "--interval",
    type=_SECONDS,
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How often to look whether a log has grown.",
)
@click.option(
    "--until-idle",
    type=_SECONDS,
    metavar="SECONDS",
    help="End when nothing was logged for so long, whatever length is planned.",
)
@click.option(
    "--stop-file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write this file while a confirmed error stands, for the training to stop itself.",
)
@fail_on_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per event and line.")
@click.option("-v", "--verbose", is_flag=True, help="Remarks as well.")
@meaning_options
@config_option
@rules_option
@exclude_option
def command(
    paths: tuple[str, ...],
    interval: float,
    until_idle: float | None,
    stop_file: str | None,
    fail_on: str | None,
    as_json: bool,
    verbose: bool,
    roles: tuple[str, ...],
    expect: tuple[str, ...],
    config: str | None,
    rule_dirs: tuple[str, ...],
    exclude: tuple[str, ...],
) -> int:
    """Follows the training logs under PATHS (files or folders, which need not exist yet) and
    judges them as they grow.

    A finding is told once judgements of the growing log have agreed on it (where it rests on the
    loss, while the log grew by a tenth), with the step from which it could have been known. If it
    does not last, it is withdrawn as visibly. The watch ends when every run has reached its planned
    length, with --until-idle, or with Ctrl-C, and sums up.
    """
    from lrdoctor.cli._watch_screen import Screen
    from lrdoctor.cli._watch_stop import StopFile
    from lrdoctor.fleet.live import Watch
    from lrdoctor.fleet.pace import Pace
    from lrdoctor.job import make_job, settings
    from lrdoctor.types import Severity

    stop = StopFile(stop_file)
    site = settings(config)
    job = make_job(site, rule_dirs, role_tags(roles), pairs(expect, "--expect"), "none")
    fail_on = fail_on or site.fail_on
    # A remark is followed where it is to be shown or to count, else not even as a finding to be.
    least = Severity.INFO if verbose or fail_on == Severity.INFO else Severity.WARNING
    watch = Watch(paths, job, (*site.exclude, *exclude), least)
    screen = Screen(paths, as_json=as_json)
    interrupted = False
    try:
        with _termination_as_interrupt():
            _follow(watch, screen, stop, Pace(interval, until_idle, time.monotonic()))
    except KeyboardInterrupt:
        interrupted = True
    screen.sum_up(watch.runs, interrupted)
    return _exit_code(watch, fail_on)


def _follow(watch: Watch, screen: Screen, stop: StopFile, pace: Pace) -> None:
    """Looks, tells and waits until the runs are over."""
    while True:
        began = time.process_time()
        changed, told = watch.look()
        screen.tell(told, watch.runs)
        stop.update(watch.runs)
        if pace.ended(changed, time.monotonic(), watch.finished):
            screen.tell(watch.close(), watch.runs)
            stop.update(watch.runs)
            return
        screen.status(watch.runs)
        time.sleep(pace.wait(time.process_time() - began))


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """A script that ends its watcher with ``kill`` gets the summary and exit code as well."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit_code(watch: Watch, fail_on: str) -> int:
    """As for a report: 3 where no LR could be judged, 1 for standing findings that count."""
    from lrdoctor.gate import FAILED, NOTHING_READ, PASSED, any_judged, reaches

    if not any_judged(f.diagnosis for f in watch.runs if f.diagnosis is not None):
        return NOTHING_READ
    standing = [f for followed in watch.runs for f in followed.state.standing]
    return FAILED if any(reaches(f.severity, fail_on) for f in standing) else PASSED
