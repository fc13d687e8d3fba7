"""How tables are printed: to a terminal's width, elsewhere unbroken and without trailing blanks."""

from __future__ import annotations

import sys
from typing import Final

import click
from rich.console import Console
from rich.table import Table

# A file or a pipe has no width of its own; in one of 80 a row would break.
_PIPE_WIDTH: Final = 160


def print_table(table: Table) -> None:
    """Print to standard output."""
    if sys.stdout.isatty():
        Console(highlight=False).print(table)
        return
    console = Console(width=_PIPE_WIDTH, highlight=False)
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())
