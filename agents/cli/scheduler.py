"""`hookline scheduler`: run one scheduler until it is told to stop."""

from __future__ import annotations

import click
import uvloop

from agents.cli import settings_from_environment
from agents.log import configure_logging


@click.command()
@click.option("--health-port", type=int, help="Port of /live /ready /metrics; 0 takes a free one.")
def scheduler(health_port: int | None) -> None:
    """Pass on what has waited long enough: read the tiers `retry.5s` to `retry.24h`."""
    from agents.scheduler import run_scheduler  # noqa: PLC0415 - clients are slow for --help

    settings = settings_from_environment(health_port=health_port)
    configure_logging(settings, agent="scheduler")
    uvloop.run(run_scheduler(settings))
