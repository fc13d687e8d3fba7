"""`hookline check`: is everything in order, from the settings to the history, all at once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from agents.cli.options import data_dir_option
from agents.cli.tables import print_table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@data_dir_option
@click.pass_context
def check(ctx: click.Context, data_dir: Path | None, *, as_json: bool) -> None:
    """Check settings, data directory, history, ports, broker, topics and configuration.

    Everything that is wrong is told at once. Exit code 1 when anything is.
    """
    from agents.checks import check_all  # noqa: PLC0415 - clients are slow to import for --help

    given = {} if data_dir is None else {"HOOKLINE_DATA_DIR": str(data_dir)}
    answers = list(check_all({**os.environ, **given}))
    if as_json:
        click.echo(json.dumps([asdict(answer) for answer in answers], indent=2))
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        for answer in answers:
            mark = Text("ok", style="green") if answer.ok else Text("failed", style="red")
            table.add_row(mark, Text(answer.check), Text(answer.detail))
        print_table(table)
    ctx.exit(0 if all(answer.ok for answer in answers) else 1)
