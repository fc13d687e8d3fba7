"""`hookline topics`: create what is declared, list what there is and where it differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click
from rich.table import Table
from rich.text import Text

from agents.cli import settings_from_environment
from agents.cli.options import data_dir_option
from agents.cli.tables import print_table
from agents.kafka.topics import TopicState, create_topics, topic_states
from schemas.topics import Topic

_UNITS_S: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


@click.group()
def topics() -> None:
    """Create the topics, or list them with their drift."""


@topics.command()
@data_dir_option
def create(data_dir: Path | None) -> None:
    """Create the topics that are missing; those that are there are left as they are."""
    created = create_topics(settings_from_environment(data_dir=data_dir))
    for name in created:
        click.echo(name)
    click.echo(f"{len(created)} created" if created else "nothing to create", err=True)


@topics.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@data_dir_option
@click.pass_context
def list_(ctx: click.Context, data_dir: Path | None, *, as_json: bool) -> None:
    """List the topics; exit code 1 when one is missing or not as declared."""
    states = topic_states(settings_from_environment(data_dir=data_dir))
    if as_json:
        click.echo(json.dumps([_as_json(state) for state in states], indent=2))
    else:
        print_table(_table(states))
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
