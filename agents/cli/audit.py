"""`hookline audit`: whether everything that came has ended, or waits somewhere, and where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from agents.cli import settings_from_environment
from agents.cli.options import data_dir_option
from agents.cli.tables import print_table
from agents.clock import now_ms

if TYPE_CHECKING:
    from agents.audit.audit import Audited
    from agents.audit.audit import Progress as Told
    from agents.audit.traces import Trace

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")


class _Span(click.ParamType):
    name = "TIME"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:  # noqa: ANN401 - click's
        match = _SPAN.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a time such as 90s, 15m, 1h or 7d", param, ctx)
        return int(match[1]) * _UNITS_S[match[2]]


@click.command()
@click.option(
    "--since",
    "since_s",
    type=_Span(),
    default="1h",
    show_default=True,
    help="Audit what was written in the last 90s, 15m, 1h or 7d.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@data_dir_option
@click.pass_context
def audit(ctx: click.Context, since_s: int, data_dir: Path | None, *, as_json: bool) -> None:
    """Prove from the topics that nothing is lost; exit code 1 when something is.

    Every event must have led to a delivery for each webhook that matches, and every delivery must
    have an end on record (with a final failure, if it failed), wait where an agent will take it, or
    be a dead letter. Nothing is changed, and everything may go on meanwhile.
    """
    from agents.audit.audit import Audit  # noqa: PLC0415 - clients are slow to import for --help

    settings = settings_from_environment(data_dir=data_dir)
    with _progress() as told:
        found = Audit(settings, now_ms() - since_s * 1_000, told).run()
    if as_json:
        click.echo(json.dumps(_as_dict(found), indent=2))
    else:
        _tell(found)
    ctx.exit(0 if found.is_good else 1)


@contextmanager
def _progress() -> Iterator[Told]:
    """A bar on a terminal, which grows when older records have to be read."""
    from agents.audit.audit import Progress as Told  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Told()
        return
    columns = (TextColumn("Reading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield Told(
            lambda more: bar.update(task, total=(bar.tasks[0].total or 0) + more),
            lambda count: bar.advance(task, count),
        )


def _as_dict(found: Audited) -> dict[str, Any]:
    balance, oldest = found.balance, found.balance.oldest
    return {
        "since_ms": found.since_ms,
        "until_ms": found.until_ms,
        "events": found.events,
        "deliveries": balance.deliveries,
        "ended": dict(sorted(balance.ended.items())),
        "waiting": dict(sorted(balance.waiting.items())),
        "messages_waiting": dict(sorted(found.messages_waiting.items())),
        "oldest_waiting": None if oldest is None else asdict(oldest),
        "lost": len(balance.lost),
        "removed_unread": found.removed_unread,
        "duplicates": balance.duplicates,
        "dead_letters": found.dead_letters,
        "buried_deliveries": balance.dead,
        "unjudged": balance.unjudged,
        "traces": [_trace_as_dict(it) for it in found.traces],
    }


def _trace_as_dict(trace: Trace) -> dict[str, Any]:
    lost = trace.lost
    return {"what": lost.what, "id": lost.id, **lost.at._asdict(), **asdict(trace.whose)}


def _tell(found: Audited) -> None:
    since, until = _time(found.since_ms), _time(found.until_ms)
    click.echo(f"{found.events:,} events from {since} to {until}")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for name, count, meaning in _rows(found):
        style = "red" if count and name in {"lost", "removed unread"} else ""
        told = Text(meaning if count else "", style="dim")
        table.add_row(Text(name, style=style), Text(f"{count:,}", style=style), told)
    print_table(table)
    for trace in found.traces:
        click.echo(_shown(trace))
    left = len(found.balance.lost) - len(found.traces)
    if left > 0:
        click.echo(f"… and {left:,} more")
    if found.is_good:
        click.echo("Nothing is lost: what has not ended waits where it will be taken.")


def _rows(found: Audited) -> Iterator[tuple[str, int, str]]:
    balance = found.balance
    yield "deliveries", balance.deliveries, ""
    for outcome, count in sorted(balance.ended.items()):
        yield f"  {outcome}", count, ""
    if balance.dead:
        yield "  buried", balance.dead, "as dead letters"
    yield "waiting", balance.waiting.total(), _oldest(found)
    for topic, count in sorted({**balance.waiting, **found.messages_waiting}.items()):
        yield f"  {topic}", count, ""
    yield "lost", len(balance.lost), "neither an end on record, nor waiting anywhere"
    yield "removed unread", found.removed_unread, "by a topic's retention, before they were taken"
    yield "duplicates", balance.duplicates, "2xx beyond the first of a delivery's run"
    yield "dead letters", found.dead_letters, ""
    yield "unjudged", balance.unjudged, "would match now, but the configuration was changed since"


def _oldest(found: Audited) -> str:
    oldest = found.balance.oldest
    if oldest is None:
        return ""
    age_s = max(found.until_ms - oldest.since_ms, 0) / 1_000
    return f"the oldest for {age_s:,.0f} s: {oldest.id} in {oldest.topic}"


def _shown(trace: Trace) -> str:
    lost, whose = trace.lost, trace.whose
    parts = [f"LOST {lost.what} {lost.id}".rstrip()]
    if whose.account_id is not None:
        parts.append(f"webhook {whose.account_id}:{whose.webhook_id or '?'}")
        parts.append(f"activity {whose.activity_id}")
    parts.append(f"last seen in {lost.at.topic}, partition {lost.at.partition}, {lost.at.offset}")
    return "; ".join(parts)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="seconds")
