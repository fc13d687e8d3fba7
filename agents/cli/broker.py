"""`hookline broker`: the embedded Kafka, in the foreground, until it is asked to stop."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Final

import click

from agents.broker.embedded import EmbeddedBroker
from agents.broker.progress import on_stderr
from agents.cli import settings_from_environment

_POLL_S: Final = 0.2


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the data is kept (HOOKLINE_DATA_DIR, or .hookline).",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    help="Port for clients; without it the one it had last time, or any free one.",
)
def broker(data_dir: Path | None, port: int | None) -> None:
    """Run the embedded Kafka broker until Ctrl-C.

    The first time it fetches Apache Kafka (45 MB); after that it starts offline in a second or two.
    Stopped, even by kill -9, it keeps all data.
    """
    settings = settings_from_environment(find_broker=False, data_dir=data_dir)
    with EmbeddedBroker(settings.data_dir, port=port, show=on_stderr) as kafka:
        click.echo(f"Kafka listens on {kafka.bootstrap_servers}, data in {settings.data_dir}")
        click.echo("Ctrl-C stops it", err=True)
        _wait_for_signal(kafka)


def _wait_for_signal(kafka: EmbeddedBroker) -> None:
    """Return when asked to stop; raises `OperationError` when Kafka ends by itself."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    while not asked.wait(_POLL_S):
        if not kafka.alive:
            raise kafka.failure()
