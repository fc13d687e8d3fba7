"""An endpoint for tests: a real HTTP server in a thread, which writes down every request."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Arrival:
    """A request that was received whole."""

    path: str
    delivery_id: str
    headers: dict[str, str]
    body: bytes
    at_s: float


# What to answer: a status, or a status and headers. Called with the request and how many requests
# of its delivery have come, this one included.
Answer = Callable[[Arrival, int], int]


@dataclass
class Endpoint:
    """What has come, and how to answer."""

    answer: Answer = lambda _arrival, _count: 200
    delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    port: int = 0
    waiting: int = 0  # requests that have come and are not answered yet
    _came: Counter[str] = field(default_factory=Counter)

    def url(self, path: str = "/in") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def counts(self) -> Counter[str]:
        """How often each delivery came."""
        return Counter(self._came)

    async def handle(self, request: web.Request) -> web.Response:
        arrival = Arrival(
            request.path,
            request.headers.get("webhook-id", ""),
            dict(request.headers),
            await request.read(),
            time.time(),
        )
        self.arrivals.append(arrival)
        self._came[arrival.delivery_id] += 1
        count = self._came[arrival.delivery_id]
        self.waiting += 1
        try:
            await asyncio.sleep(self.delay_s)
        finally:
            self.waiting -= 1
        return web.Response(status=self.answer(arrival, count), headers=self.headers)


@contextmanager
def an_endpoint(**given: object) -> Iterator[Endpoint]:
    """A server on a free port of loopback, for the length of a `with` block."""
    endpoint = Endpoint(**given)  # type: ignore[arg-type]
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def serve() -> web.AppRunner:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", endpoint.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        endpoint.port = runner.addresses[0][1]
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(serve())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield endpoint
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
