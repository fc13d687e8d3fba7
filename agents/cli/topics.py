"""`hookline topics`: create what is declared, list what there is and where it differs."""

from __future__ import annotations

import json
import sys
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.broker.directory import with_running_broker
from agents.cli import settings_from_environment
from agents.topics import TopicState, create_topics, topic_states
from schemas.topics import Topic

_UNITS_S: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}

# A file or a pipe has no width of its own; in one of 80 a row would break.
_PIPE_WIDTH: Final = 160


@click.group()
def topics() -> None:
    """Create the topics, or list them with their drift."""


@topics.command()
def create() -> None:
    """Create the topics that are missing; those that are there are left as they are."""
    created = create_topics(with_running_broker(settings_from_environment()))
    for name in created:
        click.echo(name)
    click.echo(f"{len(created)} created" if created else "nothing to create", err=True)


@topics.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the topics; exit code 1 when one is missing or not as declared."""
    states = topic_states(with_running_broker(settings_from_environment()))
    if as_json:
        click.echo(json.dumps([_as_json(state) for state in states], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(_table(states))
    if any(state.differences for state in states):
        ctx.exit(1)


def _as_json(state: TopicState) -> dict[str, object]:
    return {
        "topic": state.name,
        "key": state.topic.key,
        "partitions": state.topic.partitions,
        "cleanup": state.topic.cleanup,
        "retention_ms": state.topic.retention_ms,
        "record_bytes_max": state.topic.record_bytes_max,
        "holds": state.topic.holds,
        "drift": [
            {"field": found.field, "declared": found.declared, "actual": found.actual}
            for found in state.differences
        ],
    }


def _table(states: tuple[TopicState, ...]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("topic", no_wrap=True)
    table.add_column("partitions", justify="right")
    table.add_column("kept", no_wrap=True)
    table.add_column("drift")
    for state in states:
        drift = "; ".join(map(str, state.differences))
        table.add_row(
            state.name,
            str(state.topic.partitions),
            _kept(state.topic),
            Text(drift, style="red") if drift else Text("none", style="dim"),
        )
    return table


def _kept(topic: Topic) -> str:
    """For how long, such as `7d 30s`; of a compacted topic, what."""
    if topic.retention_ms is None:
        return "last of each key"
    seconds = topic.retention_ms // 1_000
    parts = []
    for unit, unit_s in _UNITS_S.items():
        count, seconds = divmod(seconds, unit_s)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts)
