"""`hookline publish`: JSON lines of events to the broker, all of them or with reasons why not."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agents.cli import settings_from_environment
from agents.cli.options import data_dir_option
from agents.errors import OperationError
from agents.publish.lines import Line, read_lines
from agents.publish.writer import EventWriter, Written
from schemas.codec import Fault
from schemas.event import Event

# A file that is wrong from end to end need not be answered with a million lines.
_FAULTS_SHOWN_MAX: Final = 100

_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)(?:/s)?")
_INTERRUPTED: Final = 130


class _Rate(click.ParamType):
    name = "N/s"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:  # noqa: ANN401 - click's
        match = _RATE.fullmatch(str(value))
        if match is None or not float(match[1]):
            self.fail(f"{value!r} is not a rate such as 50/s", param, ctx)
        return float(match[1])


@dataclass(slots=True)
class _Run:
    """One run of the command: what it was asked, and what it read and refused so far."""

    name: str
    keep_going: bool
    began_s: float = field(default_factory=time.monotonic)
    interrupted: bool = False
    events: int = 0
    refused: int = 0
    faults: list[tuple[int, Fault]] = field(default_factory=list)

    def take(self, line: Line) -> tuple[Event, bytes] | None:
        if line.event is not None:
            self.events += 1
            return line.event, line.data
        self.refused += 1
        for fault in line.faults:
            if len(self.faults) < _FAULTS_SHOWN_MAX:
                click.echo(f"{self.name}:{line.number}: {fault}", err=True)
                self.faults.append((line.number, fault))
        return None


@click.command()
@click.argument("file")
@click.option("--keep-going", is_flag=True, help="Write the good lines of a file with bad ones.")
@click.option("--rate", type=_Rate(), help="Events a second, such as 50/s; without it, at once.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@data_dir_option
@click.pass_context
def publish(  # noqa: PLR0913 - click's way: an argument for each option
    ctx: click.Context,
    file: str,
    rate: float | None,
    data_dir: Path | None,
    *,
    keep_going: bool,
    as_json: bool,
) -> None:
    """Write a FILE of events (- for standard input), one JSON object on each line.

    A file is checked as a whole first: with one bad line nothing is written, unless --keep-going.
    Standard input is written as it comes, up to the first bad line. Exit code 1 when anything was
    not written.
    """
    settings = settings_from_environment(data_dir=data_dir)
    run = _Run("<stdin>" if file == "-" else file, keep_going)
    if file != "-" and not keep_going and _count(file, run).refused:
        _finish(ctx, run, Written(), as_json=as_json)
    total = None if file == "-" else run.events
    with _opened(file) as stream, _progress(total) as advance:
        writer = EventWriter(settings, per_second=rate, on_written=advance)
        try:
            writer.write(_events(stream, run))
        except KeyboardInterrupt:
            run.interrupted = True
            writer.finish()
    _finish(ctx, run, writer.so_far, as_json=as_json)


def _count(file: str, run: _Run) -> _Run:
    """Read the whole file once, for its faults."""
    with _opened(file) as stream:
        for line in read_lines(stream):
            run.take(line)
    return run


def _events(stream: IO[bytes], run: _Run) -> Iterator[tuple[Event, bytes]]:
    for line in read_lines(stream):
        taken = run.take(line)
        if taken is not None:
            yield taken
        elif not run.keep_going:
            return


def _opened(file: str) -> Any:  # noqa: ANN401 - a context with a binary stream
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise OperationError(f"cannot read {file}: {error.strerror}") from None


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[], None]]:
    if not sys.stderr.isatty():
        yield lambda: None
        return
    columns = (TextColumn("Writing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)


def _finish(ctx: click.Context, run: _Run, written: Written, *, as_json: bool) -> None:
    """Say what became of it and end with the exit code that says the same."""
    seconds = round(time.monotonic() - run.began_s, 3)
    if as_json:
        click.echo(json.dumps(_result(run, written, seconds)))
    else:
        _say(run, written, seconds)
    if run.interrupted:
        ctx.exit(_INTERRUPTED)
    ctx.exit(1 if run.refused or written.failed else 0)


def _result(run: _Run, written: Written, seconds: float) -> dict[str, Any]:
    return {
        "written": written.written,
        "failed": written.failed,
        "refused": run.refused,
        "seconds": seconds,
        "error": None if written.error is None else written.error.str(),
        "faults": [
            {"line": number, "field": fault.field, "message": fault.message}
            for number, fault in run.faults
        ],
    }


def _say(run: _Run, written: Written, seconds: float) -> None:
    if len(run.faults) == _FAULTS_SHOWN_MAX:
        click.echo(f"… only the first {_FAULTS_SHOWN_MAX} faults are shown", err=True)
    if written.error is not None:
        message = f"{written.failed} events could not be written: {written.error.str()}"
        click.echo(f"hookline: {message}", err=True)
    if run.refused:
        lines = "1 line was" if run.refused == 1 else f"{run.refused} lines were"
        stopped = "" if run.keep_going or not written.sent else "; what came before it is written"
        click.echo(f"hookline: {lines} refused{stopped}", err=True)
    nouns = "event" if written.written == 1 else "events"
    tail = ", interrupted" if run.interrupted else ""
    click.echo(f"{written.written} {nouns} written in {seconds:.1f} s{tail}")
