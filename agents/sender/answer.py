"""An endpoint's answer, read within bounds and cut to what the log keeps.

At most 64 KiB are read, compressed or not; a body that goes on costs the endpoint its connection.
What is kept is decompressed with a bound on its output, so that no bomb goes off here.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import aiohttp

from pipeline.outcomes import Answered
from schemas.attempt import Response

if TYPE_CHECKING:
    from aiohttp.connector import Connection

BODY_BYTES_READ: Final = 64 * 1024
BODY_BYTES_KEPT: Final = 4 * 1024
HEADERS_KEPT: Final = 32
HEADER_CHARACTERS_KEPT: Final = 500

# zlib's window bits for gzip and for zlib itself (RFC 9110 calls the latter "deflate").
_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class AddressedResponse(aiohttp.ClientResponse):
    """A response that knows the address it came from, also after its connection was released."""

    remote: str | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Note the peer, then read the head of the response."""
        transport = connection.transport
        peer = None if transport is None else transport.get_extra_info("peername")
        if peer is not None:
            self.remote = f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"
        return await super().start(connection)


async def read_answer(response: aiohttp.ClientResponse) -> Answered:
    """Read what we want to know of an answer; the connection stays usable if that was all."""
    body = await _beginning(response)
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    return Answered(
        Response(
            status=response.status,
            headers=tuple(
                (recordable(name), recordable(value[:HEADER_CHARACTERS_KEPT]))
                for name, value in list(response.headers.items())[:HEADERS_KEPT]
            ),
            body=_text(body, encoding),
            body_bytes=len(body),
            remote=getattr(response, "remote", None),
        ),
        retry_after=response.headers.get("Retry-After"),
    )


def recordable(text: str) -> str:
    """Text that JSON and PostgreSQL can hold: bytes that are no UTF-8, and NULs, replaced.

    aiohttp keeps such bytes of a header as lone surrogates, which no record can be made of.
    """
    plain = text.encode(errors="surrogateescape").decode(errors="replace")
    return plain.replace("\0", "\N{REPLACEMENT CHARACTER}")


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while len(body) < BODY_BYTES_READ:
        part = await response.content.read(BODY_BYTES_READ - len(body))
        if not part:
            return bytes(body)
        body += part
    response.close()
    return bytes(body)


def _text(body: bytes, encoding: str) -> str:
    """The beginning of the body as text; bytes that are none become replacement characters."""
    if encoding in _WINDOW_BITS:
        try:
            inflater = zlib.decompressobj(_WINDOW_BITS[encoding])
            body = inflater.decompress(body, BODY_BYTES_KEPT)
        except zlib.error:
            return f"({len(body)} bytes that are not {encoding})"
    return recordable(body[:BODY_BYTES_KEPT].decode(errors="replace"))
