"""Choose TCP ports on the loopback address."""

from __future__ import annotations

import random
import socket
from typing import Final

from agents.broker.properties import HOST

# Below the range that systems take outgoing ports from (Linux: 32768 and up). Inside it, a client
# that keeps trying a stopped broker's port can be given that very port and connect to itself, and
# the restarted broker finds it taken.
_FIRST: Final = 20_000
_LAST: Final = 32_000

_TRIES: Final = 1_000


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Kafka does
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(*, other_than: int | None = None) -> int:
    """A port nobody listens on now; another process may still be quicker to take it."""
    chance = random.SystemRandom()  # two processes with one seed would choose the same
    for _ in range(_TRIES):
        port = chance.randint(_FIRST, _LAST)
        if port != other_than and is_free(port):
            return port
    raise OSError(f"no free port between {_FIRST} and {_LAST}")
