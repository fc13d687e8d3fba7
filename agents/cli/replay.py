"""`hookline replay`: deliveries that failed, or never were, begun again after a look at them."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from agents.cli.api_client import ApiClient
from agents.cli.api_options import Command, limited, print_items, print_record, with_account
from agents.errors import OperationError
from schemas.phases import PHASE_IDS
from schemas.replay import PER_SECOND_DEFAULT, PER_SECOND_MAX

_COLUMNS = (
    ("id", "id"),
    ("state", "state"),
    ("started", "started_at"),
    ("source", "source"),
    ("webhook", "webhook_id"),
    ("mode", "mode"),
    ("progress", "progress"),
    ("begun", "counts.begun"),
    ("skipped", "counts.skipped"),
    ("detail", "detail"),
)
_SAMPLES = (
    ("delivery", "delivery_id"),
    ("webhook", "webhook_id"),
    ("activity", "activity_id"),
    ("phase", "phase"),
    ("at", "at"),
    ("reason", "reason"),
    ("status", "status"),
    ("skipped", "skipped"),
)
_SPAN: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LOOK_EVERY_S: Final = 0.5
_UNDER_WAY: Final = frozenset({"planning", "running"})
_GOOD_ENDS: Final = frozenset({"planned", "done"})

Replay = dict[str, Any]


class Moment(click.ParamType):
    """A time, or how long ago: `2026-05-01T00:00:00Z`, `90m`, `2d`."""

    name = "time"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """The time as RFC 3339 has it."""
        span = _SPAN.fullmatch(str(value))
        if span is not None:
            ago = timedelta(**{_UNITS[span[2]]: int(span[1])})
            return (datetime.now(UTC) - ago).isoformat()
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-05-01T00:00:00Z, 90m or 2d", param, ctx)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


# What is replayed, and how.
_OPTIONS: Final = (
    click.option(
        "--source",
        type=click.Choice(("failures", "activities")),
        default="failures",
        show_default=True,
        help="Deliveries that failed, or events, matched again with today's configuration.",
    ),
    click.option("--webhook", "webhook_id", help="Only of this webhook."),
    click.option(
        "--missed",
        is_flag=True,
        help="What was never attempted: its webhook did not exist, or was disabled.",
    ),
    click.option("--phase", "phases", type=click.Choice(PHASE_IDS), multiple=True),
    click.option(
        "--reason", "reasons", multiple=True, help="Only failures such as timeout or http_500."
    ),
    click.option("--status", "statuses", type=int, multiple=True, help="Only after such a status."),
    click.option("--from", "from_", type=Moment(), help="From this time on, such as 2d (ago)."),
    click.option("--to", type=Moment(), help="Before this time.  [default: now]"),
    click.option(
        "--mode",
        type=click.Choice(("original", "current")),
        default="original",
        show_default=True,
        help="The body that was sent before, or one made of the activity as it is now.",
    ),
    click.option(
        "--rate",
        "per_second",
        type=click.FloatRange(0, PER_SECOND_MAX, min_open=True),
        default=PER_SECOND_DEFAULT,
        show_default=True,
        help="How many are begun in a second, at most.",
    ),
    click.option("--note", default="", help="For people: why it is done."),
)


def _selecting(command: Command) -> Command:
    """The options that say what is replayed, and how."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def replay() -> None:
    """Begin deliveries again that failed, or that a webhook missed, at a bounded rate."""


@replay.command()
@_selecting
@with_account
def plan(api: ApiClient, account: int, *, as_json: bool, **order: Any) -> None:  # noqa: ANN401 - options
    """Count what a replay would begin, and show some of it; nothing is sent."""
    planned = _planned(api, account, order)
    _tell(planned, as_json=as_json)
    if not as_json:
        click.echo(f"\nTo begin it: hookline replay run {planned['id']}")


@replay.command()
@click.argument("replay", required=False)
@click.option("--yes", is_flag=True, help="Begin what was counted without asking.")
@click.option("--no-wait", is_flag=True, help="Return at once; it goes on by itself.")
@_selecting
@with_account
def run(  # noqa: PLR0913 - options
    api: ApiClient,
    account: int,
    replay: str | None,
    *,
    yes: bool,
    no_wait: bool,
    as_json: bool,
    **order: Any,  # noqa: ANN401 - options
) -> None:
    """Begin the planned REPLAY; without one, plan what the options say, ask, and begin that.

    Ctrl-C leaves it going on by itself; `hookline replay cancel` stops it.
    """
    if replay is None:
        planned = _planned(api, account, order)
        if not as_json:
            _tell(planned, as_json=False)
        begun = planned["planned"]["begun"]
        if not yes and not click.confirm(f"\nBegin {begun} deliveries?", err=True):
            raise click.Abort
        replay = str(planned["id"])
    else:
        _refuse_options(order)
    started = api.post("accounts", account, "replays", replay, "run")
    ended = started if no_wait else _followed(api, account, started)
    _tell(ended, as_json=as_json)


@replay.command()
@click.argument("replay", required=False)
@limited
@with_account
def status(api: ApiClient, account: int, replay: str | None, limit: int, *, as_json: bool) -> None:
    """Show how far REPLAY has come and what became of it; without one, list all, newest first."""
    if replay is None:
        print_items(
            api.items("accounts", account, "replays", limit=limit), _COLUMNS, as_json=as_json
        )
    else:
        _tell(api.get("accounts", account, "replays", replay), as_json=as_json)


@replay.command()
@click.argument("replay")
@with_account
def cancel(api: ApiClient, account: int, replay: str, *, as_json: bool) -> None:
    """Begin nothing more of REPLAY, and end what it began and that still waits."""
    _tell(api.post("accounts", account, "replays", replay, "cancel"), as_json=as_json)


def _planned(api: ApiClient, account: int, order: dict[str, Any]) -> Replay:
    """The order, counted."""
    missed = order.pop("missed")
    body = {name.rstrip("_"): value for name, value in order.items() if value is not None}
    if missed:
        body |= {"source": "activities", "only_missed": True}
    return _followed(api, account, api.post("accounts", account, "replays", body=body))


def _refuse_options(order: dict[str, Any]) -> None:
    """What was planned cannot be changed any more."""
    ctx = click.get_current_context()
    given = [
        name
        for name in order
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        names = ", ".join(f"--{name.rstrip('_').replace('_', '-')}" for name in given)
        raise click.UsageError(f"REPLAY was planned already: leave out what selects ({names})")


def _followed(api: ApiClient, account: int, started: Replay) -> Replay:
    """The replay at its end, with a bar meanwhile; raises when that is not a good one."""
    found = started
    words = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(
        *words,
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
    ) as progress:
        task = progress.add_task("", total=1.0, said="")
        while True:
            counts = found["counts"]
            said = found["detail"] or f"{counts['begun']} of {counts['chosen']}"
            progress.update(
                task, completed=found["progress"], description=found["state"], said=said
            )
            if found["state"] not in _UNDER_WAY:
                break
            time.sleep(_LOOK_EVERY_S)
            found = api.get("accounts", account, "replays", found["id"])
    if found["state"] not in _GOOD_ENDS:
        raise OperationError(
            f"replay {found['id']} {found['state']}: {found['detail']}".rstrip(": ")
        )
    return found


def _tell(found: Replay, *, as_json: bool) -> None:
    """A replay as a person reads it: counts in lines of their own, and the samples of a plan."""
    counts = found["planned"] if found["state"] == "planned" else found["counts"]
    shown = {name: value for name, value in found.items() if value not in (None, [], {}, "")}
    for name in ("counts", "planned", "samples", "version"):
        shown.pop(name, None)
    if as_json:
        print_record(found, as_json=True)
        return
    print_record({**shown, **counts}, as_json=False)
    if found["state"] == "planned" and found["samples"]:
        click.echo()
        print_items(found["samples"], _SAMPLES, as_json=False)
