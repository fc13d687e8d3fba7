"""`hookline notifier`: run one notifier until it is told to stop."""

from __future__ import annotations

import click
import uvloop

from agents.cli import settings_from_environment
from agents.log import configure_logging


@click.command()
@click.option("--health-port", type=int, help="Port of /live /ready /metrics; 0 takes a free one.")
def notifier(health_port: int | None) -> None:
    """Run the triggers of webhooks that fail, and send triggers' emails and texts."""
    from agents.notifier import run_notifier  # noqa: PLC0415 - clients are slow for --help

    settings = settings_from_environment(health_port=health_port)
    configure_logging(settings, agent="notifier")
    uvloop.run(run_notifier(settings))
