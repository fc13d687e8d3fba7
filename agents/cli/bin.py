"""`hookline bin`: an echo receiver with a page, to point webhooks at."""

from __future__ import annotations

import asyncio

import click
import uvloop

from agents.bin.server import Bin
from agents.lifecycle import stop_on_signals
from agents.log import configure_logging
from agents.web import listening, serve_on
from pipeline.settings import Settings

_HOST = "127.0.0.1"


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8_400,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--host", default=_HOST, show_default=True, help="Address to listen on.")
def bin_(port: int, host: str) -> None:
    """Run a receiver that answers 200 to everything and shows what it was sent.

    ?status=503 asks for another answer, ?fail=2 for two failures of each delivery first, ?delay=1.5
    for a wait. For Hookline to reach it, set HOOKLINE_EGRESS_ALLOW=127.0.0.1/32 and
    HOOKLINE_ALLOW_HTTP=true.
    """
    configure_logging(Settings(log_level="warning"), agent="bin")
    uvloop.run(_serve(host, port))


async def _serve(host: str, port: int) -> None:
    listener = listening(host, port, mend="choose another --port, or 0 for any")
    stopping = stop_on_signals(asyncio.get_running_loop())
    address = f"http://{host}:{listener.getsockname()[1]}"
    received = Bin()
    server = await serve_on(listener, received.application())
    click.echo(f"Listening on {address}")
    click.echo(f"{address}/ shows what came, {address}/requests.json too. Ctrl-C stops.", err=True)
    await stopping.wait()
    await server.cleanup()
    click.echo(f"{received.count} requests received", err=True)
