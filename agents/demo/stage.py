"""What the demo needs before it begins: settings of its own, a clean directory, two addresses."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from pathlib import Path
from typing import Final

from agents.broker.directory import BrokerDirectory
from agents.broker.ports import is_free
from agents.broker.properties import LOG_DIRECTORY
from agents.web import listening
from pipeline.settings import Settings

HOST: Final = "127.0.0.1"
RECEIVER_PORT: Final = 8_400

# Short enough to be watched.
_END_DELAYED_TIER: Final = "5s"


def receiver_socket() -> socket.socket:
    """Where the receiver listens: on its usual port, or on any when that is taken."""
    port = RECEIVER_PORT if is_free(RECEIVER_PORT) else 0
    return listening(HOST, port, mend="no port is free")


def dead_socket() -> socket.socket:
    """A port that is nobody's: taken, but not listened on, so that connections are refused."""
    taken = socket.socket()
    taken.bind((HOST, 0))
    return taken


def port_of(bound: socket.socket) -> int:
    """The port that a socket has."""
    return int(bound.getsockname()[1])


def demo_settings(base: Settings, receiver_port: int, dead_port: int) -> Settings:
    """The demo's settings: requests may go to its own two ports and, as usual, to the world.

    With a broker that is given, the topics get names of their own, so that each demo is fresh.
    """
    allowed = [f"{HOST}/32:{port}" for port in (receiver_port, dead_port)]
    chosen: dict[str, object] = {
        "data_dir": base.data_dir / "demo",
        "allow_http": True,
        "egress_allow": ",".join(filter(None, [base.egress_allow, *allowed])),
        "end_delayed_tier": _END_DELAYED_TIER,
        "health_port": 0,
    }
    if base.bootstrap_servers is not None:
        chosen["topic_prefix"] = f"{base.topic_prefix}demo-{secrets.token_hex(3)}-"
    if "api_port" not in base.model_fields_set and not is_free(base.api_port):
        chosen["api_port"] = 0
    return base.model_copy(update=chosen)


def forget_former_run(data_dir: Path) -> None:
    """Delete what a former demo's broker kept; raises `OperationError` while that one runs."""
    directory = BrokerDirectory(data_dir)
    lock = directory.acquire()
    try:
        shutil.rmtree(directory.kafka / LOG_DIRECTORY, ignore_errors=True)
    finally:
        os.close(lock)
