"""How the demo looks: a live table on a terminal, a line for each thing elsewhere, then a summary.

Everything fits into 80 columns.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agents.demo.findings import Finding, PhaseRow

# A file or a pipe has no width of its own; lines are not to be broken there.
_PIPE_WIDTH: Final = 200

_TICK: Final = "✓"
_CROSS: Final = "✗"
_WAITING: Final = "·"


class Screen:
    """Standard output, and what is on it already."""

    def __init__(self) -> None:
        """Begin the clock that lines outside of a terminal are stamped with."""
        self.is_terminal = sys.stdout.isatty()
        self.console = Console(width=None if self.is_terminal else _PIPE_WIDTH, highlight=False)
        self._began_s = time.monotonic()
        self._told: set[str] = set()
        self._live: Live | None = None

    def tell(self, line: str) -> None:
        """Say one thing, with the seconds since the beginning."""
        seconds = time.monotonic() - self._began_s
        self.console.print(Text(f"{seconds:5.1f} s  {line}"))

    @contextmanager
    def live(self) -> Iterator[None]:
        """While it lasts, `show` keeps one table current on a terminal."""
        if not self.is_terminal:
            yield
            return
        with Live(console=self.console, auto_refresh=False, transient=True) as self._live:
            yield
        self._live = None

    def show(self, rows: Sequence[PhaseRow], findings: Sequence[Finding]) -> None:
        """Show how things are now: in the table, or a line for what is new."""
        if self._live is not None:
            self._live.update(_everything(rows, findings, is_over=False), refresh=True)
            return
        for row in rows:
            if row.happened and row.path not in self._told:
                self._told.add(row.path)
                self.tell(f"{row.phase.number:2} {_line_of(row)}")
        for finding in findings:
            if finding.happened and finding.name not in self._told:
                self._told.add(finding.name)
                self.tell(f"{finding.name}: {finding.seen}")

    def summary(self, rows: Sequence[PhaseRow], findings: Iterable[Finding]) -> None:
        """Print the table for good, and each finding with where to look."""
        with self.console.capture() as printed:
            self.console.print(_everything(rows, [*findings], is_over=True))
        self.lines(["", *(line.rstrip() for line in printed.get().splitlines())])

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines that may be copied: as they are, never broken."""
        for line in lines:
            click.echo(line)


def _everything(
    rows: Sequence[PhaseRow], findings: Sequence[Finding], *, is_over: bool
) -> RenderableType:
    happened = sum(row.happened for row in rows)
    return Group(
        _table(rows, is_over=is_over),
        Text(f"{happened} of {len(rows)} phases delivered\n"),
        _cases(findings, is_over=is_over),
    )


def _table(rows: Sequence[PhaseRow], *, is_over: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", width=1)
    table.add_column("#", justify="right")
    table.add_column("phase", no_wrap=True)
    table.add_column("sent to", no_wrap=True)
    table.add_column("attempts")
    table.add_column("arrived after", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            _mark(happened=row.happened, is_over=is_over),
            str(row.phase.number),
            row.phase.id,
            row.path,
            " ".join(row.answers),
            _latency(row),
        )
    return table


def _cases(findings: Sequence[Finding], *, is_over: bool) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column()
    for finding in findings:
        seen = Text(finding.seen)
        if finding.where:
            seen.append(f"\n{finding.where}", style="dim")
        table.add_row(_mark(happened=finding.happened, is_over=is_over), finding.name, seen)
    return table


def _mark(*, happened: bool, is_over: bool) -> Text:
    if happened:
        return Text(_TICK, style="green")
    return Text(_CROSS, style="red") if is_over else Text(_WAITING, style="dim")


def _line_of(row: PhaseRow) -> str:
    answers = " ".join(row.answers)
    return f"{row.phase.id:14} {row.path:18} {answers:8} {_latency(row)}"


def _latency(row: PhaseRow) -> str:
    return "" if row.latency_ms is None else f"{row.latency_ms:,.0f} ms"
