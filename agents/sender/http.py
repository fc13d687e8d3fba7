"""One HTTP try: a request in, an exchange out. Nothing an endpoint does is an exception here.

aiohttp with our own limits: no redirects, no proxy, no cookies, no decompression of its own, a time
for the whole, and the egress guard on every address.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Final

import aiohttp
import yarl
from multidict import CIMultiDict

from agents.sender.answer import AddressedResponse, read_answer, recordable
from agents.sender.guard import EgressGuard, ForbiddenAddressError
from pipeline.egress import is_secure_enough
from pipeline.outcomes import Exchange, NoAnswerKind, NotAnswered, NotSent, Result
from pipeline.requests import Request, as_recorded
from schemas.attempt import Timings

# An endpoint that does not accept a connection in five seconds will not answer in ten.
CONNECT_TIMEOUT_S: Final = 5.0
# Many servers close connections that are idle for more; reuse pays within bursts anyway.
KEEPALIVE_S: Final = 15.0
DNS_CACHE_S: Final = 60

# The most telling class first: each is looked for in this order.
_KINDS: Final[tuple[tuple[type[BaseException], NoAnswerKind], ...]] = (
    (aiohttp.ConnectionTimeoutError, "connect"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ClientSSLError, "tls"),
    (aiohttp.ClientConnectorError, "connect"),
    (aiohttp.ServerDisconnectedError, "reset"),
    (aiohttp.ClientPayloadError, "reset"),
    (OSError, "reset"),
    (aiohttp.ClientError, "protocol"),
)


class HttpClient:
    """The sender's client: one pool of connections, without a limit of its own."""

    def __init__(self, guard: EgressGuard, *, allow_http: bool) -> None:
        """Create the pool; must run inside the event loop."""
        self._allow_http = allow_http
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,  # the dispatcher counts; a limit here would let slow hosts starve others
                limit_per_host=0,
                resolver=guard,
                socket_factory=guard.socket,
                ttl_dns_cache=DNS_CACHE_S,
                keepalive_timeout=KEEPALIVE_S,
                ssl=ssl.create_default_context(),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=AddressedResponse,
            auto_decompress=False,
            trust_env=False,  # a proxy would connect for us, past the guard
            skip_auto_headers=("User-Agent", "Content-Type", "Accept-Encoding"),
            trace_configs=[_trace_config()],
        )

    async def exchange(self, request: Request, timeout_s: float) -> Exchange:
        """Send a request; whatever happens is in the exchange."""
        clock = _Clock()
        result = await self._result(request, timeout_s, clock)
        return Exchange(as_recorded(request), result, clock.timings())

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def _result(self, request: Request, timeout_s: float, clock: _Clock) -> Result:
        if not is_secure_enough(request.url, allow_http=self._allow_http):
            return NotSent("egress_insecure", "plain http:// is not allowed here")
        timeout = aiohttp.ClientTimeout(
            total=timeout_s,
            sock_connect=CONNECT_TIMEOUT_S,
            ceil_threshold=timeout_s + 1,  # else times above five seconds are rounded up
        )
        try:
            async with self._session.request(
                request.method,
                yarl.URL(request.url, encoded=True),
                data=request.body,
                headers=CIMultiDict(request.headers),
                timeout=timeout,
                allow_redirects=False,
                trace_request_ctx=clock,
            ) as response:
                clock.mark("first_byte")
                return await read_answer(response)
        except ForbiddenAddressError as error:
            return NotSent(f"egress_{error.rule}", str(error))
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            return _unusable(error)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            return _not_answered(error, timeout_s)
        except ValueError as error:  # last: a certificate that fails is a ValueError as well
            return _unusable(error)


def _unusable(error: Exception) -> NotSent:
    return NotSent("invalid_url", recordable(f"the URL cannot be used: {error}")[:500])


def _not_answered(error: BaseException, timeout_s: float) -> NotAnswered:
    kind = next(kind for family, kind in _KINDS if isinstance(error, family))
    if kind == "timeout":
        return NotAnswered(kind, f"no complete answer within {timeout_s:g} s")
    return NotAnswered(kind, recordable(f"{type(error).__name__}: {error}")[:500])


class _Clock:
    """Milliseconds since the request began, at the moments that the log shows."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._marks: dict[str, float] = {}

    def mark(self, moment: str) -> None:
        self._marks[moment] = (time.perf_counter() - self._began) * 1_000

    def timings(self) -> Timings:
        self.mark("total")
        return Timings(
            dns_ms=self._between("dns_start", "dns_end"),
            connect_ms=self._between("connect_start", "connect_end"),
            first_byte_ms=self._between(None, "first_byte"),
            total_ms=self._between(None, "total"),
        )

    def _between(self, start: str | None, end: str) -> float | None:
        if (start is not None and start not in self._marks) or end not in self._marks:
            return None
        return round(self._marks[end] - (0 if start is None else self._marks[start]), 2)


def _trace_config() -> aiohttp.TraceConfig:
    """Marks for name look-up and connecting, which happen only when no connection is reused."""
    config = aiohttp.TraceConfig()
    config.on_dns_resolvehost_start.append(_marking("dns_start"))
    config.on_dns_resolvehost_end.append(_marking("dns_end"))
    config.on_connection_create_start.append(_marking("connect_start"))
    config.on_connection_create_end.append(_marking("connect_end"))
    return config


def _marking(
    moment: str,
) -> Callable[[aiohttp.ClientSession, SimpleNamespace, object], Awaitable[None]]:
    async def mark(
        _session: aiohttp.ClientSession, context: SimpleNamespace, _params: object
    ) -> None:
        context.trace_request_ctx.mark(moment)

    return mark
