"""The body of a request at `/in/`, read within bounds of size and time.

What is too large or too slow is not read to its end: of either the beginning is kept, which shows
who sends it. The answer goes out at once, and the connection ends with it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from aiohttp import web

from agents.api.inbound_limits import Held
from schemas.inbound import BODY_BYTES_CUT, BODY_BYTES_MAX

# Forms are small and their senders are servers: whoever takes longer holds a place for nothing.
REQUEST_S_MAX: Final = 10.0

Fate: TypeAlias = Literal["whole", "too_large", "too_slow", "unreadable"]


@dataclass(frozen=True, slots=True)
class ReadBody:
    """What was read; `size_bytes` is what the body has, as far as anybody knows."""

    data: bytes
    size_bytes: int
    fate: Fate


async def read_inbound(request: web.Request, held: Held) -> ReadBody:
    """The request's body, or its beginning; raises the problem when there is no room for it."""
    told_bytes = request.content_length or 0
    body = bytearray()
    bytes_max = BODY_BYTES_CUT if told_bytes > BODY_BYTES_MAX else BODY_BYTES_MAX
    fate: Fate = "whole"
    try:
        async with asyncio.timeout(REQUEST_S_MAX):
            async for chunk in request.content.iter_any():
                body += chunk
                held.add(len(chunk))
                if len(body) > bytes_max:  # it may be compressed, or have told no length
                    fate = "too_large"
                    break
    except TimeoutError:
        fate = "too_slow"
    except web.RequestPayloadError:
        fate = "unreadable"
        request.content.feed_eof()  # nothing after that can be read: the server need not try
    is_whole = fate in ("whole", "unreadable")
    data = bytes(body if is_whole else body[:BODY_BYTES_CUT])
    return ReadBody(data, len(body) if is_whole else max(len(body), told_bytes), fate)
