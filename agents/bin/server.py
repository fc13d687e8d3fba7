"""An echo receiver: any method and path answers, as its query asks, and a page shows what came.

`?status=503` answers that; `?fail=2` answers 503 to the first two requests of each `webhook-id`,
then 200; `?delay=1.5` waits first. Everything is kept in memory, bounded.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from aiohttp import web
from multidict import MultiMapping

from agents.bin.page import page
from schemas.topics import RECORD_BYTES_MAX

REQUESTS_KEPT: Final = 500
# Of a body, what a person would look at; 500 of them fit into 32 MiB.
BODY_BYTES_KEPT: Final = 64 * 1024
# Deliveries whose failures are counted for ?fail; the oldest are forgotten.
_COUNTED_MAX: Final = 10_000
# A sender gives up after 30 s, so nothing is to be tried beyond.
_DELAY_S_MAX: Final = 60.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it arrived. `at_s` is when it was complete, in seconds since the epoch."""

    number: int
    at_s: float
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: str
    body_bytes: int
    status: int
    webhook_id: str | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request's query asks for: an answer, how many failures before it, and a delay."""

    status: int = 200
    fail: int = 0
    delay_s: float = 0.0


class Bin:
    """The receiver. `on_arrival` is told of each request when it is complete."""

    def __init__(self, on_arrival: Callable[[Arrival], None] = lambda _: None) -> None:
        """Begin empty."""
        self.arrivals: deque[Arrival] = deque(maxlen=REQUESTS_KEPT)
        self.count = 0
        self._on_arrival = on_arrival
        self._tries: OrderedDict[str, int] = OrderedDict()

    def application(self) -> web.Application:
        """What serves it: the page at GET /, /requests.json, and everything else received."""
        application = web.Application(client_max_size=RECORD_BYTES_MAX)
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/requests.json", self._requests),
                web.route("*", "/{path:.*}", self._receive),
            ]
        )
        return application

    async def _page(self, _request: web.Request) -> web.Response:
        text = page([asdict(arrival) for arrival in reversed(self.arrivals)], self.count)
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return web.Response(text=text, content_type="text/html", headers=policy)

    async def _requests(self, _request: web.Request) -> web.Response:
        kept = [asdict(arrival) for arrival in self.arrivals]
        return web.json_response({"count": self.count, "requests": kept})

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        at_s = time.time()
        try:
            wish = wish_of(request.query)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        status = self._status(wish, request)
        self.count += 1
        arrival = Arrival(
            self.count,
            at_s,
            request.method,
            request.path_qs,
            tuple(request.headers.items()),
            body[:BODY_BYTES_KEPT].decode(errors="replace"),
            len(body),
            status,
            request.headers.get("webhook-id"),
        )
        self.arrivals.append(arrival)
        self._on_arrival(arrival)
        await asyncio.sleep(wish.delay_s)
        return web.json_response({"number": arrival.number, "status": status}, status=status)

    def _status(self, wish: Wish, request: web.Request) -> int:
        if not wish.fail:
            return wish.status
        key = request.headers.get("webhook-id") or request.path_qs
        tries = self._tries.pop(key, 0) + 1
        self._tries[key] = tries
        if len(self._tries) > _COUNTED_MAX:
            self._tries.popitem(last=False)
        return 503 if tries <= wish.fail else wish.status


def wish_of(query: MultiMapping[str]) -> Wish:
    """What a query asks for; raises ValueError, which names the parameter, when it cannot be."""
    return Wish(
        status=int(_number(query, "status", "200", 200, 599)),
        fail=int(_number(query, "fail", "0", 0, 1_000)),
        delay_s=_number(query, "delay", "0", 0, _DELAY_S_MAX),
    )


def _number(query: MultiMapping[str], name: str, default: str, least: float, most: float) -> float:
    text = query.get(name, default)
    try:
        value = float(text) if name == "delay" else int(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text[:40]!r}") from None
    if not least <= value <= most:
        raise ValueError(f"{name} must be between {least:g} and {most:g}")
    return value
