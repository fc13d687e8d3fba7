"""How much a client may send: bytes in one request, and requests in a second with one key."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from aiohttp import web

from agents.api.problems import RATE_LIMITED, TOO_LARGE, Problem, malformed
from pipeline.rates import TokenBucket

# The largest webhook, with a template of 64 KiB, is a tenth of this.
BODY_BYTES_MAX: Final = 1024 * 1024
# A thousand events of usual size; larger ones come in smaller batches.
INGEST_BYTES_MAX: Final = 16 * 1024 * 1024
# A client that was quiet may ask so many seconds' worth at once.
_BURST_S: Final = 2
# Keys whose rate is known; one that was forgotten begins anew with a full bucket.
_KEYS_MAX: Final = 10_000


class RateLimiter:
    """A token bucket for each key."""

    def __init__(self, per_s: int) -> None:
        """Let `per_s` requests a second through, and short bursts of more."""
        self._per_s = per_s
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key_id: str, now_s: float) -> None:
        """Count a request; raises the problem when there were too many."""
        bucket = self._buckets.get(key_id)
        if bucket is None:
            bucket = TokenBucket(self._per_s * _BURST_S, self._per_s, now_s=now_s)
            self._buckets[key_id] = bucket
            if len(self._buckets) > _KEYS_MAX:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key_id)
        if not bucket.try_take(now_s):
            wait_s = math.ceil(max(bucket.ready_at_s(now_s) - now_s, 0)) or 1
            raise Problem(
                RATE_LIMITED,
                f"a key may make {self._per_s} requests a second",
                headers={"Retry-After": str(wait_s)},
            )


async def read_body(request: web.Request, bytes_max: int) -> bytes:
    """The request's body; raises the problem when it is larger, before it is all here."""
    if (request.content_length or 0) > bytes_max:
        raise _too_large(bytes_max)
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > bytes_max:  # it may be compressed, or have told no length
                raise _too_large(bytes_max)
    except web.RequestPayloadError:
        raise malformed("the body is not encoded as its headers say") from None
    return bytes(body)


async def end_unread(request: web.Request, response: web.Response) -> None:
    """Send the response, and end the connection, if a compressed body was not read to its end.

    The server would read the rest to its end, and so decompress it: of a body of 250 KB that can be
    256 MB, for which everybody else would have to wait.
    """
    if "Content-Encoding" not in request.headers or request.content.is_eof():
        return
    response.force_close()  # says so to the client, too
    await response.prepare(request)
    await response.write_eof()
    request.protocol.force_close()


def _too_large(bytes_max: int) -> Problem:
    return Problem(TOO_LARGE, f"a request here has at most {bytes_max} bytes")
