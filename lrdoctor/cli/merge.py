"""``lrdoctor merge``: the states of ``lrdoctor scan --shard`` as one."""

from __future__ import annotations

import click

from lrdoctor.cli._options import config_option, fail_on_option


@click.command(short_help="Join the states of scans that were made in shards.")
@click.argument("out", type=click.Path(dir_okay=False))
@click.argument("states", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--only-new", is_flag=True, help="Fail on new findings alone.")
@fail_on_option
@click.option("--allow-empty", is_flag=True, help="Exit with 0 where no run could be read.")
@click.option("-q", "--quiet", is_flag=True, help="The last line only.")
@config_option
def command(
    out: str,
    states: tuple[str, ...],
    only_new: bool,
    fail_on: str | None,
    allow_empty: bool,
    quiet: bool,
    config: str | None,
) -> int:
    """Makes OUT the union of STATES, which lrdoctor scan --shard wrote, and says what is new.

    OUT is made anew each time; the states stay as they are and go on being scanned with.
    """
    from lrdoctor.cli._fleet import View
    from lrdoctor.fleet.merge import merge
    from lrdoctor.fleet.state_file import read_store
    from lrdoctor.job import settings
    from lrdoctor.reports._format import count

    merge(out, states)
    with read_store(out) as store:
        ((last, logs),) = store.rows("SELECT (SELECT max(id) FROM scan), count(*) FROM log")
        view = View(store, last or 0)
        if not quiet:
            view.tell()
        click.echo(f"{count(len(states), 'state')}, {count(logs, 'log')}; {view.counts}")
    return view.exit_code(
        only_new=only_new, fail_on=fail_on or settings(config).fail_on, allow_empty=allow_empty
    )
