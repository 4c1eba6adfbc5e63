"""Where a scan tells what is new besides the terminal; none of it can lose the scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from lrdoctor.fleet.store import Store

Command = TypeVar("Command", bound=Callable[..., Any])
VARIABLE = "LRDOCTOR_WEBHOOK"


def alert_options(function: Command) -> Command:
    """Adds ``webhook``, ``webhook_every`` and ``prometheus``."""
    options = (
        click.option(
            "--webhook",
            metavar="URL",
            envvar=VARIABLE,
            help=f"Post new errors and warnings to a chat. It is secret: best set ${VARIABLE}.",
        ),
        click.option(
            "--webhook-every",
            metavar="TIME",
            default="10m",
            show_default=True,
            help="At most one message in this time; what has to wait is in the next.",
        ),
        click.option(
            "--prometheus",
            metavar="FILE.prom",
            help="Write metrics for node_exporter's textfile collector.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Alerts:
    """Channels, checked; ``every`` in seconds."""

    webhook: str
    every: float
    prometheus: str

    @classmethod
    def of(cls, webhook: str | None, every: str, prometheus: str | None) -> Alerts:
        """Raises ``ConfigError`` or ``UsageError`` before anything is scanned."""
        from lrdoctor.fleet.webhook import check
        from lrdoctor.fleet.when import moment

        if webhook:
            check(webhook)
        if prometheus and not prometheus.endswith(".prom"):
            raise click.UsageError("--prometheus: node_exporter reads only files named *.prom")
        return cls(webhook or "", -moment(every, 0.0), prometheus or "")

    def tell(self, store: Store, scan: int, state: str) -> None:
        """Sends and writes; a channel that fails costs one line on standard error."""
        from lrdoctor.cli._output import write_whole
        from lrdoctor.errors import ConfigError
        from lrdoctor.fleet.alerts import alert
        from lrdoctor.fleet.prometheus import metrics

        failed = False
        if self.webhook:
            failed, told = alert(store, scan, self.webhook, self.every)
            if told:
                click.echo(told, err=True)
        if self.prometheus:
            try:
                write_whole(self.prometheus, metrics(store, Path(state).stem, failed))
            except ConfigError as error:
                click.echo(f"lrdoctor: {error}", err=True)
