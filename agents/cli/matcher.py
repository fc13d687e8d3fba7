"""`hookline matcher`: run one matcher until it is told to stop."""

from __future__ import annotations

import click
import uvloop

from agents.cli import settings_from_environment
from agents.log import configure_logging


@click.command()
@click.option("--health-port", type=int, help="Port of /live /ready /metrics; 0 takes a free one.")
def matcher(health_port: int | None) -> None:
    """Match events with webhooks: read `activities`, write `jobs`."""
    from agents.matcher.run import run_matcher  # noqa: PLC0415 - Faust is slow to import for --help

    settings = settings_from_environment(health_port=health_port)
    configure_logging(settings, agent="matcher")
    uvloop.run(run_matcher(settings))
