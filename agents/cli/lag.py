"""`hookline lag`: how far behind each agent is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.table import Table
from rich.text import Text

from agents.cli import settings_from_environment
from agents.cli.options import data_dir_option
from agents.cli.tables import print_table
from agents.clock import now_ms

if TYPE_CHECKING:
    from agents.kafka.lag import TopicLag

# A head that is due for longer than this is not merely on its way.
_LATE_MS: Final = 1_000


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@data_dir_option
def lag(data_dir: Path | None, *, as_json: bool) -> None:
    """Show, for each group and topic, what is committed, what there is, and the difference.

    In the tiers (retry.5s …) what waits for its time is shown with when the next of it is due.
    """
    from agents.kafka.lag import lags  # noqa: PLC0415 - clients are slow to import for --help

    found = lags(settings_from_environment(data_dir=data_dir))
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        print_table(_table(found))


def _table(found: tuple[TopicLag, ...]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("group", "topic"):
        table.add_column(name, no_wrap=True)
    for name in ("members", "committed", "end", "lag"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("next due", no_wrap=True)
    shown = ""
    for each in found:
        is_first, shown = each.group != shown, each.group
        members = Text(str(each.members), style="" if each.members else "red")
        table.add_row(
            each.group if is_first else "",
            each.topic,
            members if is_first else "",
            f"{each.committed:,}",
            f"{each.end:,}",
            f"{each.lag:,}",
            _due(each.next_due_at_ms),
        )
    return table


def _due(at_ms: int | None) -> Text:
    if at_ms is None:
        return Text("")
    left_ms = at_ms - now_ms()
    if left_ms < -_LATE_MS:
        return Text(f"{-left_ms / 1_000:,.0f} s ago", style="red")
    return Text(f"in {max(left_ms, 0) / 1_000:,.0f} s")
