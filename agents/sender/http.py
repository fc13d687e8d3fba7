"""One HTTP try: a request in, an exchange out. Nothing an endpoint does is an exception here.

aiohttp with our own limits: no redirects, no proxy, no cookies, no decompression of its own, a time
for the whole, and the egress guard on every address.
"""

from __future__ import annotations

import ssl
from functools import lru_cache, partial
from typing import Final

import aiohttp
import yarl
from multidict import CIMultiDict

from agents.sender.answer import AddressedResponse, read_answer, recordable
from agents.sender.guard import EgressGuard, ForbiddenAddressError
from agents.sender.phases import Clock, verifying_context
from agents.sender.unanswered import not_answered
from pipeline.egress import url_verdict
from pipeline.outcomes import Exchange, NotSent, Result
from pipeline.requests import Request, as_recorded

# An endpoint that does not accept a connection in five seconds will not answer in ten.
CONNECT_TIMEOUT_S: Final = 5.0
# Many servers close connections that are idle for more; reuse pays within bursts anyway.
KEEPALIVE_S: Final = 15.0
DNS_CACHE_S: Final = 60
# What is known of URLs and timeouts, for as many as are likely within minutes: some 10 MB.
URLS_KNOWN_MAX: Final = 10_000
TIMEOUTS_KNOWN_MAX: Final = 100
# The head of an answer: nginx and Apache send no longer lines themselves.
_HEADER_BYTES_MAX: Final = 8_190


class HttpClient:
    """The sender's client: one pool of connections, without a limit of its own."""

    def __init__(
        self, guard: EgressGuard, *, allow_http: bool, tls: ssl.SSLContext | None = None
    ) -> None:
        """Create the pool; must run inside the event loop. `tls` says whom to trust."""
        # Most URLs are called again and again, and to judge or to parse one takes 20 us.
        self._verdict = lru_cache(URLS_KNOWN_MAX)(
            partial(url_verdict, allow_http=allow_http, allowed=guard.allowed)
        )
        self._url = lru_cache(URLS_KNOWN_MAX)(partial(yarl.URL, encoded=True))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,  # the dispatcher counts; a limit here would let slow hosts starve others
                limit_per_host=0,
                resolver=guard,
                socket_factory=guard.socket,
                ttl_dns_cache=DNS_CACHE_S,
                keepalive_timeout=KEEPALIVE_S,
                ssl=tls or verifying_context(),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=AddressedResponse,
            auto_decompress=False,
            trust_env=False,  # a proxy would connect for us, past the guard
            skip_auto_headers=("User-Agent", "Content-Type", "Accept-Encoding"),
            max_line_size=_HEADER_BYTES_MAX,
            max_field_size=_HEADER_BYTES_MAX,
        )

    async def exchange(self, request: Request, timeout_s: float) -> Exchange:
        """Send a request; whatever happens is in the exchange."""
        clock = Clock()
        result = await self._result(request, timeout_s, clock)
        return Exchange(as_recorded(request), result, clock.timings())

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def _result(self, request: Request, timeout_s: float, clock: Clock) -> Result:
        try:
            refused = self._verdict(request.url)
            if not refused.is_allowed:
                return NotSent(f"egress_{refused.rule}", str(refused))
            return await self._answer(request, timeout_s, clock)
        except ForbiddenAddressError as error:
            return NotSent(f"egress_{error.rule}", str(error))
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            return _unusable(error)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            return not_answered(
                error, clock, timeout_s=timeout_s, connect_timeout_s=CONNECT_TIMEOUT_S
            )
        except ValueError as error:  # last: a certificate that fails is a ValueError as well
            return _unusable(error)

    async def _answer(self, request: Request, timeout_s: float, clock: Clock) -> Result:
        async with self._session.request(
            request.method,
            self._url(request.url),
            data=request.body or None,  # None: a GET without a body says nothing of its length
            headers=CIMultiDict(request.headers),
            timeout=_timeout(timeout_s),
            allow_redirects=False,
        ) as response:
            clock.mark("first_byte")
            return await read_answer(response)


@lru_cache(TIMEOUTS_KNOWN_MAX)
def _timeout(timeout_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=timeout_s,
        sock_connect=CONNECT_TIMEOUT_S,
        ceil_threshold=timeout_s + 1,  # else times above five seconds are rounded up
    )


def _unusable(error: Exception) -> NotSent:
    return NotSent("invalid_url", recordable(f"the URL cannot be used: {error}")[:500])
