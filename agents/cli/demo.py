"""`hookline demo`: everything on this machine, a story published to it, and what came of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import uvloop

from agents.cli import settings_from_environment
from agents.cli.options import data_dir_option
from agents.log import configure_logging

if TYPE_CHECKING:
    import socket

    from agents.demo.run import Demo
    from agents.demo.screen import Screen
    from agents.up.installation import Installation, Voices

_LOG: Final = "agents.log"


@click.command()
@click.option("--once", is_flag=True, help="End when all is shown: exit code 0 if it happened.")
@data_dir_option
@click.pass_context
def demo(ctx: click.Context, data_dir: Path | None, *, once: bool) -> None:
    """Watch the twenty phases of an activity become HTTP calls.

    It starts everything afresh in a directory `demo` below the data directory, publishes the phases
    of a few activities, and shows what arrived, was retried, given up, filtered out and put aside.
    Then it leaves everything running for you to try, unless --once.
    """
    from agents.demo import stage  # noqa: PLC0415 - slow to import for --help
    from agents.demo.screen import Screen  # noqa: PLC0415 - as above
    from agents.kafka.topics import delete_topics  # noqa: PLC0415 - as above
    from agents.up.installation import Installation  # noqa: PLC0415 - as above

    base = settings_from_environment(find_broker=False, data_dir=data_dir)
    configure_logging(base.model_copy(update={"log_level": "warning"}), agent="demo")
    # Until the event loop runs, SIGTERM ends the start like Ctrl-C: what was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    screen = Screen()
    with ExitStack() as stack:
        receiver = stack.enter_context(stage.receiver_socket())
        dead = stack.enter_context(stage.dead_socket())
        settings = stage.demo_settings(base, stage.port_of(receiver), stage.port_of(dead))
        if settings.bootstrap_servers is None:
            screen.tell("starting Kafka")
            stage.forget_former_run(settings.data_dir)
        else:
            stack.callback(delete_topics, settings)  # another's broker is left as it was
        voices = _voices(screen, settings.data_dir, stack)
        installation = stack.enter_context(Installation(settings, voices))
        screen.tell(f"Kafka answers at {installation.settings.bootstrap_servers}")
        happened = uvloop.run(_run(installation, screen, (receiver, dead), once=once))
    ctx.exit(0 if happened else 1)


async def _run(
    installation: Installation,
    screen: Screen,
    sockets: tuple[socket.socket, socket.socket],
    *,
    once: bool,
) -> bool:
    """Run the demo until it is over and, unless `once`, until a signal; whether all happened."""
    from agents.bin.server import Bin  # noqa: PLC0415 - slow to import for --help
    from agents.demo.evidence import Evidence  # noqa: PLC0415 - as above
    from agents.demo.run import Addresses, Demo  # noqa: PLC0415 - as above
    from agents.demo.stage import HOST, port_of  # noqa: PLC0415 - as above
    from agents.lifecycle import stop_on_signals  # noqa: PLC0415 - as above
    from agents.web import serve_on  # noqa: PLC0415 - as above

    stopping = stop_on_signals(asyncio.get_running_loop())
    evidence = Evidence()
    receiver, dead = (f"http://{HOST}:{port_of(bound)}" for bound in sockets)
    server = await serve_on(sockets[0], Bin(evidence.on_arrival).application())
    try:
        await installation.start()
        shown = Demo(installation, evidence, Addresses(receiver, dead), screen)
        happened = await _until_shown(shown, stopping)
        if not once and not stopping.is_set():
            screen.lines(_next(installation, receiver))
            await stopping.wait()
    finally:
        await installation.stop()
        await server.cleanup()
    return happened


async def _until_shown(shown: Demo, stopping: asyncio.Event) -> bool:
    """The demo's result; False when a signal came first."""
    running = asyncio.create_task(shown.run())
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if running.done():
        return running.result()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return False


def _next(installation: Installation, receiver: str) -> Iterator[str]:
    directory = installation.settings.data_dir
    shown = os.path.relpath(directory)
    option = f"--data-dir {directory if shown.startswith('..') else shown}"
    yield ""
    yield "Everything goes on running. Try, here or in another terminal:"
    yield f"  {receiver}/                    what the receiver was sent"
    yield f"  curl http://127.0.0.1:{installation.api_port}/ready      how each agent is"
    yield f"  hookline lag {option}"
    yield f"  hookline publish {option} {shown}/events.jsonl"
    yield "      the same events: their deliveries are made, so nothing is sent twice"
    yield """  echo '{"account_id": 25, "phase": "sale", "activity": {"id": 77}}' \\"""
    yield f"      | hookline publish {option} -"
    yield f"  hookline apply {option} {shown}/demo.yaml"
    yield "      after a change to it; webhooks may call the receiver's address"
    yield f"What the agents log is in {shown}/{_LOG}. Ctrl-C stops everything."


def _voices(screen: Screen, data_dir: Path, stack: ExitStack) -> Voices:
    """People are told on the screen; what agents print goes to a file."""
    from agents.broker.progress import on_stderr  # noqa: PLC0415 - slow to import for --help
    from agents.demo.journal import Journal  # noqa: PLC0415 - as above
    from agents.up.installation import Voices  # noqa: PLC0415 - as above

    journal = Journal(data_dir / _LOG)
    stack.callback(journal.close)
    return Voices(screen.tell, journal.write, on_stderr)
