"""The command line: one command per file of this folder, loaded only when used."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from lrdoctor._version import __version__
from lrdoctor.errors import LrdoctorError

EXIT_CODES = """\b
Exit codes:
  0  nothing at or above --fail-on
  1  findings at or above --fail-on
  2  wrong usage, configuration or rule file; a report cannot be written
  3  nothing readable: no run, or no learning rate in any run
  4  internal failure
"""


class Commands(click.Group):
    """Finds commands by file name; a command's module holds a click command named ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, sorted."""
        return sorted(p.stem for p in Path(__file__).parent.glob("[!_]*.py"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"lrdoctor.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a hint: a path where a command should be is the usual slip."""
        import difflib

        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            close = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            if Path(name).exists():
                hint = f" To diagnose these logs: lrdoctor analyze {name}"
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="lrdoctor")
def group() -> None:
    """Finds learning-rate faults in training logs and proposes corrected schedules.

    Start with: lrdoctor analyze runs/
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with the code of the table above."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    try:
        _accept_any_text()
        code = group.main(arguments, prog_name="lrdoctor", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Abort:
        click.echo("lrdoctor: interrupted", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except LrdoctorError as error:
        click.echo(f"lrdoctor: {_printable(str(error))}", err=True)
        return 2
    except BrokenPipeError:
        _discard_output()  # its reader has gone; there is nobody left to tell
        return 0
    except OSError as error:
        _discard_output()
        what = str(error) if error.filename else f"cannot write the output: {error.strerror}"
        click.echo(f"lrdoctor: {what}", err=True)
        return 2
    except Exception as error:
        import traceback

        traceback.print_exc()
        click.echo(
            f"lrdoctor: internal failure ({type(error).__name__}); please report the lines above",
            err=True,
        )
        return 4


def _printable(text: str) -> str:
    """A message may quote what a file holds, which a terminal must not act on."""
    shown = (c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
    return "".join(shown)


def _accept_any_text() -> None:
    """Characters that the terminal's encoding lacks become question marks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _discard_output() -> None:
    """Lets what is still buffered go nowhere, or Python would fail over it again at its end."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
