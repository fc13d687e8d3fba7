"""One connection through a proxy: bytes in order, in both directions, as the proxy's mode has it.

Each side reads for the other; a pipe is one direction, and holds what may not flow yet. What is
held is bounded: a source whose bytes wait is not read any more.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from agents.broker.properties import HOST

# What one direction of a connection may have waiting here before its source is not read any more.
HELD_BYTES_MAX: Final = 1024 * 1024

_CONNECT_S: Final = 5
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, with no time at all


@dataclass(frozen=True, slots=True)
class Mode:
    """How a proxy treats its connections; `server` is what it stands in front of."""

    kind: Literal["pass", "cut", "delay", "half_open", "one_way"] = "pass"
    delay_ms: int = 0
    only: Literal["to_server", "to_client"] | None = None

    def flows(self, direction: str) -> bool:
        """Whether bytes move in this direction."""
        return self.kind != "half_open" and self.only in (None, direction)


PASS: Final = Mode()
CUT: Final = Mode("cut")
HALF_OPEN: Final = Mode("half_open")
ONLY_TO_SERVER: Final = Mode("one_way", only="to_server")
ONLY_TO_CLIENT: Final = Mode("one_way", only="to_client")


def delayed(delay_ms: int) -> Mode:
    """Every byte takes so much longer, in either direction."""
    return Mode("delay", delay_ms)


class Owner(Protocol):
    """The proxy that a link belongs to."""

    target: int
    mode: Mode
    links: set[Link]


class Side(asyncio.Protocol):
    """One end of a connection; what it reads goes through `pipe` to the other end."""

    def __init__(self, link: Link, direction: str) -> None:
        self.pipe = Pipe(self, direction)
        self.peer: Side
        self.transport: Any = None
        self._link = link
        self._reasons_to_wait: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        if self._reasons_to_wait:
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self.pipe.put(data)

    def eof_received(self) -> bool:
        self.pipe.put(None)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._link.end(self, is_reset=error is not None)

    def pause_writing(self) -> None:
        self.peer.wait("the other side is slow", is_waiting=True)

    def resume_writing(self) -> None:
        self.peer.wait("the other side is slow", is_waiting=False)

    def wait(self, reason: str, *, is_waiting: bool) -> None:
        """Read, or do not for a reason; it is read when there is none left."""
        was_waiting = bool(self._reasons_to_wait)
        (self._reasons_to_wait.add if is_waiting else self._reasons_to_wait.discard)(reason)
        now_waits = bool(self._reasons_to_wait)
        if now_waits == was_waiting or self.transport is None or self.transport.is_closing():
            return
        (self.transport.pause_reading if now_waits else self.transport.resume_reading)()

    def write(self, data: bytes | None) -> None:
        """Send bytes on, or the end of them."""
        if self.transport is None or self.transport.is_closing():
            return
        if data is not None:
            self.transport.write(data)
        else:
            with suppress(OSError):
                self.transport.write_eof()

    def port(self, which: str) -> int:
        """The port of `peername` or of `sockname`; 0 without a connection."""
        address = self.transport and self.transport.get_extra_info(which)
        return int(address[1]) if address else 0

    def reset(self) -> None:
        """Close so that the other end of it sees a reset."""
        if self.transport is not None and not self.transport.is_closing():
            found = self.transport.get_extra_info("socket")
            with suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()


class Pipe:
    """One direction of a connection: bytes in order, at once or after a while, or held."""

    def __init__(self, source: Side, direction: str) -> None:
        self._source = source
        self._direction = direction
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[float, bytes | None]] = deque()
        self._waiting_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._mode = PASS
        self._is_open = False

    def apply(self, mode: Mode, *, is_open: bool) -> None:
        """Take on a mode; a pipe that is not open yet holds what comes."""
        self._mode, self._is_open = mode, is_open
        self._source.wait("held", is_waiting=not self._flows)
        self._move_on()

    def put(self, data: bytes | None) -> None:
        """Take bytes, or None for their end."""
        if self._flows and not self._mode.delay_ms and not self._waiting:
            self._source.peer.write(data)
            return
        self._waiting.append((self._loop.time() + self._mode.delay_ms / 1_000, data))
        self._waiting_bytes += len(data or b"")
        self._source.wait("full", is_waiting=self._waiting_bytes > HELD_BYTES_MAX)
        if self._timer is None:
            self._move_on()

    @property
    def _flows(self) -> bool:
        return self._is_open and self._mode.flows(self._direction)

    def _move_on(self) -> None:
        """Send what is due, and come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._flows and self._waiting:
            due_s, data = self._waiting[0]
            if self._mode.delay_ms and due_s > self._loop.time():
                self._timer = self._loop.call_at(due_s, self._move_on)
                break
            self._waiting.popleft()
            self._waiting_bytes -= len(data or b"")
            self._source.peer.write(data)
        self._source.wait("full", is_waiting=self._waiting_bytes > HELD_BYTES_MAX)


class Link:
    """One connection through a proxy, from a client to the server."""

    def __init__(self, proxy: Owner) -> None:
        self._proxy = proxy
        self.client, self.server = Side(self, "to_server"), Side(self, "to_client")
        self.client.peer, self.server.peer = self.server, self.client
        self._is_connected = False
        self._connecting: asyncio.Task[None] | None = None

    def apply(self, mode: Mode) -> None:
        """Take on a mode. Held, a new connection is not even made to the server."""
        if mode.kind == "cut":
            self.abort()
            return
        if not self._is_connected and self._connecting is None and mode.flows("to_server"):
            self._connecting = asyncio.create_task(self._connect())
        for side in (self.client, self.server):
            side.pipe.apply(mode, is_open=self._is_connected)

    def end(self, ended: Side, *, is_reset: bool) -> None:
        """Pass on that one side has gone."""
        self._proxy.links.discard(self)
        if is_reset or ended.peer.transport is None:
            self.abort()
        elif not ended.peer.transport.is_closing():
            ended.peer.transport.close()

    def abort(self) -> None:
        """Reset both sides."""
        self._proxy.links.discard(self)
        if self._connecting is not None:
            self._connecting.cancel()
        self.client.reset()
        self.server.reset()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(
                loop.create_connection(lambda: self.server, HOST, self._proxy.target), _CONNECT_S
            )
        except (OSError, TimeoutError):
            self._connecting = None
            self.abort()
            return
        self._is_connected = True
        self.apply(self._proxy.mode)
