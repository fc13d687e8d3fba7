"""`hookline recorder`: run one recorder until it is told to stop."""

from __future__ import annotations

import click
import uvloop

from agents.cli import settings_from_environment
from agents.log import configure_logging


@click.command()
@click.option(
    "--rebuild",
    is_flag=True,
    help="Empty the history first, and make it again from the topics, as far back as they reach.",
)
@click.option("--health-port", type=int, help="Port of /live /ready /metrics; 0 takes a free one.")
def recorder(health_port: int | None, *, rebuild: bool) -> None:
    """Keep the history: read `activities` and `attempts`, write them to the database.

    The database is a SQLite file in the data directory, or the PostgreSQL of HOOKLINE_DATABASE_URL;
    its tables are made, and brought up to date, at the start. With PostgreSQL several recorders
    share the work. While the database is away they wait for it: nothing is lost, and deliveries go
    on. `--rebuild` may be given while others run: they notice, and read everything again too.
    """
    from agents.recorder.run import run_recorder  # noqa: PLC0415 - slow to import for --help

    settings = settings_from_environment(health_port=health_port)
    configure_logging(settings, agent="recorder")
    uvloop.run(run_recorder(settings, rebuild=rebuild))
