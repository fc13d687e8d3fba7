"""`hookline bench`: what Hookline does under load on this machine, in figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console

from agents.bench.cases import SCENARIOS, Options, chosen
from agents.cli import settings_from_environment
from agents.cli.tables import print_table
from agents.log import configure_logging
from schemas.event import EVENT_BYTES_MAX

_SECONDS: Final = 20.0
_SECONDS_QUICK: Final = 5.0
# An activity's numbers, and the event around it, need some room.
_PAYLOAD_BYTES_MIN: Final = 256
_PAYLOAD_BYTES_MAX: Final = EVENT_BYTES_MAX - 1_024

_SHOWN: Final = "\b\n" + "\n".join(f"  {it.name:13} {it.shows}" for it in SCENARIOS.values())


@click.command(
    epilog=f"Scenarios:\n\n{_SHOWN}",
)
@click.option(
    "--scenario",
    "names",
    multiple=True,
    metavar="NAME",
    type=click.Choice(list(SCENARIOS)),
    help="Only this one; may be given several times. Without it, all.",
)
@click.option(
    "--rate",
    type=click.FloatRange(1, 10_000),
    default=200,
    show_default=True,
    help="Deliveries a second; `saturate` begins at twice as many.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3_600),
    help="How long each load lasts.  [default: 20, with --quick 5]",
)
@click.option(
    "--endpoints",
    type=click.IntRange(10, 10_000),
    default=50,
    show_default=True,
    help="How many endpoints there are, each of an account of its own.",
)
@click.option(
    "--payload-bytes",
    type=click.IntRange(_PAYLOAD_BYTES_MIN, _PAYLOAD_BYTES_MAX),
    default=1_024,
    show_default=True,
    help="How large each body is.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="How often all is done: medians and spreads are shown.",
)
@click.option("--quick", is_flag=True, help="Everything smaller and shorter: minutes in all.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_context
def bench(  # noqa: PLR0913, PLR0917 - click's way: an argument for each option
    ctx: click.Context,
    names: tuple[str, ...],
    rate: float,
    seconds: float | None,
    endpoints: int,
    payload_bytes: int,
    repeat: int,
    *,
    quick: bool,
    as_json: bool,
) -> None:
    """Measure latency, rate, losses, CPU and memory on this machine.

    Each case gets an installation of its own, as `hookline up` runs it, on a temporary directory
    with its own broker; a publisher that keeps its rate whatever happens; and a receiver that times
    what arrives. Nothing is sent anywhere else. Ctrl-C takes everything down.

    Measure on a machine that does nothing else. Exit code 1: a delivery or a prepared job was lost.
    """
    from agents.bench import report  # noqa: PLC0415 - slow to import for --help
    from agents.bench.conditions import conditions, is_busy  # noqa: PLC0415 - as above
    from agents.bench.session import Session, is_complete  # noqa: PLC0415 - as above

    base = settings_from_environment(find_broker=False)
    configure_logging(base.model_copy(update={"log_level": "warning"}), agent="bench")
    lasting_s = seconds or (_SECONDS_QUICK if quick else _SECONDS)
    options = Options(rate, lasting_s, endpoints, payload_bytes, quick)
    found = conditions(options, base, repeat)
    click.echo(report.condition_line(found), err=True)
    if is_busy(found):
        click.echo("hookline: this machine is busy: the figures will say little", err=True)
    with _progress() as tell:
        rows = Session(options, base, tell).run(chosen(names, options), repeat)
    if as_json:
        click.echo(json.dumps(report.as_json(rows, found), indent=2))
    else:
        print_table(report.results(rows))
        print_table(report.processes(rows))
    ctx.exit(0 if is_complete(rows) else 1)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Where to tell what is being done: a line that changes, or on no terminal one after another.

    It goes to standard error, so that the result can be piped.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda line: click.echo(line, err=True)
        return
    with console.status("starting") as status:
        yield status.update
