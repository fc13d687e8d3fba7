"""`hookline up`: broker, topics and agents on this machine, until it is asked to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import uvloop

from agents.cli import settings_from_environment
from agents.cli.options import data_dir_option
from agents.log import configure_logging
from pipeline.settings import Settings

if TYPE_CHECKING:
    from agents.up.installation import Installation, Voices

# A busy machine with much to read back may need more; the agents then become ready later.
_READY_TIMEOUT_S: Final = 60

_NAME_WIDTH: Final = len("scheduler")


@click.command()
@data_dir_option
@click.option("--matchers", type=click.IntRange(1, 32), default=1, help="How many matchers to run.")
@click.option("--senders", type=click.IntRange(1, 32), default=1, help="How many senders to run.")
def up(data_dir: Path | None, matchers: int, senders: int) -> None:
    """Run everything on this machine until Ctrl-C: the broker, the agents, the API.

    The broker is the embedded one unless HOOKLINE_BOOTSTRAP_SERVERS names another. While it runs,
    other commands with the same --data-dir find it without settings. An agent that dies is started
    again. Ctrl-C stops cleanly, a second one at once.
    """
    from agents.up.installation import Installation  # noqa: PLC0415 - slow to import for --help

    settings = settings_from_environment(find_broker=False, data_dir=data_dir)
    configure_logging(settings, agent="up")
    # Until the event loop runs, SIGTERM ends the start like Ctrl-C: what was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    voices = voices_for(settings)
    child_settings = settings.model_copy(update={"log_format": _log_format(settings)})
    with Installation(child_settings, voices, matchers=matchers, senders=senders) as installation:
        uvloop.run(_run(installation))


async def _run(installation: Installation) -> None:
    from agents.lifecycle import stop_on_signals  # noqa: PLC0415 - as above

    stopping = stop_on_signals(asyncio.get_running_loop())
    await installation.start()
    introducing = asyncio.create_task(_introduce(installation))
    await stopping.wait()
    introducing.cancel()
    click.echo("stopping", err=True)
    await installation.stop()


async def _introduce(installation: Installation) -> None:
    """Say what runs where as soon as it does."""
    from agents.api.admin_key import ADMIN_KEY_FILE  # noqa: PLC0415 - as above

    for child in await installation.until_ready(_READY_TIMEOUT_S):
        missing = [name for name, holds in child.conditions.items() if not holds]
        click.echo(f"{child.name} is not ready: {', '.join(missing) or 'no answer'}", err=True)
    settings, pages = installation.settings, f"http://127.0.0.1:{installation.api_port}"
    click.echo(f"broker     {settings.bootstrap_servers}")
    for child in await installation.health():
        if child.pages is not None:
            click.echo(f"{child.name:10} {child.pages}/ready, /metrics")
    click.echo(f"all        {pages}/ready, /metrics, /targets")
    click.echo(f"api        {pages}/docs, with the key in {settings.data_dir / ADMIN_KEY_FILE}\n")
    option = f" --data-dir {settings.data_dir}" if is_elsewhere(settings) else ""
    click.echo("Try, in another terminal:")
    click.echo("  hookline bin                          a receiver with a page")
    for command in ("apply FILE.yaml", "publish EVENTS.jsonl", "lag", "check"):
        click.echo(f"  hookline {command}{option}")
    click.echo("Ctrl-C stops everything.", nl=True)


def is_elsewhere(settings: Settings) -> bool:
    """Whether the data directory is not the one that commands look into by themselves."""
    return settings.data_dir != settings_from_environment(find_broker=False).data_dir.absolute()


def voices_for(settings: Settings) -> Voices:
    """People are told on standard error, where agents' lines go too: named, unless in JSON."""
    from agents.broker.progress import on_stderr  # noqa: PLC0415 - as above
    from agents.up.installation import Voices  # noqa: PLC0415 - as above

    in_json = _log_format(settings) == "json"

    def say(name: str, line: str) -> None:
        sys.stderr.write(f"{line}\n" if in_json else f"{name:{_NAME_WIDTH}} | {line}\n")
        sys.stderr.flush()

    return Voices(lambda line: click.echo(f"hookline: {line}", err=True), say, on_stderr)


def _log_format(settings: Settings) -> str:
    if settings.log_format != "auto":
        return settings.log_format
    return "console" if sys.stderr.isatty() else "json"
