"""TCP proxies that can be told to cut, delay, hold, or let bytes pass in one direction only.

They run in one event loop in a thread of its own. A change of mode holds for connections that exist
as well as for new ones, and has taken effect when `set` returns. What is held is not lost: it flows
when the mode lets it, as it would after a network's pause.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, Self, TypeVar

import uvloop

from agents.broker.ports import free_port
from agents.broker.properties import HOST
from tests.chaos.relay import CUT, PASS, Link, Mode, Side

T = TypeVar("T")

_CALL_S: Final = 10


class Proxy:
    """Stands on a port of its own before the port `target`, both of the loopback address."""

    def __init__(self, target: int, call: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        """Made by `Proxies.add`; `call` runs a coroutine in the proxies' loop."""
        self.target = target
        self.port = free_port()
        self.mode = PASS
        self.links: set[Link] = set()
        self._call = call
        self._server: asyncio.Server | None = None
        # It never listens: it keeps the port ours while connections are refused.
        self._holder = self._bound()

    def set(self, mode: Mode) -> None:
        """Change the mode, from any thread; it holds when this returns."""
        self._call(self.apply(mode))

    def ports_behind(self, client_ports: frozenset[int]) -> frozenset[int]:
        """The ports by which the server knows the connections of these clients."""
        found: set[int] = set()
        self._call(self._look_behind(client_ports, found))
        return frozenset(found)

    async def _look_behind(self, client_ports: frozenset[int], found: set[int]) -> None:
        for link in self.links:
            if link.client.port("peername") in client_ports:
                found.add(link.server.port("sockname"))

    async def apply(self, mode: Mode) -> None:
        """Change the mode, in the loop."""
        self.mode = mode
        if mode.kind == "cut":
            await self._refuse()
        elif self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._accepted, sock=self._bound())
        for link in tuple(self.links):
            link.apply(mode)

    async def close(self) -> None:
        """Reset all connections and give the port up."""
        await self.apply(CUT)
        self._holder.close()

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _accepted(self) -> Side:
        link = Link(self)
        self.links.add(link)
        asyncio.get_running_loop().call_soon(self._begin, link)
        return link.client

    def _begin(self, link: Link) -> None:
        link.apply(self.mode)

    def _bound(self) -> socket.socket:
        """A socket on the port. Two of ours may have it, and nobody else may."""
        found = socket.socket()
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind((HOST, self.port))
        return found


class Proxies:
    """The thread with the loop, for the length of a `with` block."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._proxies: list[Proxy] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self._proxies:
            self._call(proxy.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def add(self, target: int) -> Proxy:
        """A new proxy before a port, letting everything pass; it listens when this returns."""
        proxy = Proxy(target, self._call)
        self._proxies.append(proxy)
        proxy.set(PASS)
        return proxy

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_S)
