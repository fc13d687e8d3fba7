"""`hookline sender`: run one sender until it is told to stop."""

from __future__ import annotations

import click
import uvloop

from agents.cli import settings_from_environment
from agents.log import configure_logging


@click.command()
@click.option("--health-port", type=int, help="Port of /live /ready /metrics; 0 takes a free one.")
def sender(health_port: int | None) -> None:
    """Make the requests that jobs ask for: read `jobs`, call webhooks, write `attempts`.

    Run as many as you like; they share the partitions, and each webhook is in the hands of exactly
    one. SIGTERM waits for the requests in flight (HOOKLINE_DRAIN_TIMEOUT_S), commits and leaves.
    """
    from agents.sender.run import run_sender  # noqa: PLC0415 - clients are slow to import for --help

    settings = settings_from_environment(health_port=health_port)
    configure_logging(settings, agent="sender")
    uvloop.run(run_sender(settings))
