"""`hookline api`: serve the HTTP API until it is told to stop."""

from __future__ import annotations

import click
import uvloop

from agents.cli import settings_from_environment
from agents.log import configure_logging


@click.command()
@click.option("--port", type=int, help="Port to serve on (HOOKLINE_API_PORT); 0 takes a free one.")
def api(port: int | None) -> None:
    """Serve the HTTP API: configure webhooks, test them, search what was sent, send it again.

    `hookline up` serves it as well. Run as many as you like: what one has written, the others know
    within a second. Its documentation is at /docs.
    """
    from agents.api.run import run_api  # noqa: PLC0415 - clients are slow to import for --help

    settings = settings_from_environment(api_port=port)
    configure_logging(settings, agent="api")
    uvloop.run(run_api(settings))
