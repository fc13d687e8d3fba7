"""An endpoint's answer, read within bounds and cut to what the log keeps.

At most 64 KiB are read; a body that goes on costs the endpoint its connection. A compressed one is
unpacked to no more than 64 KiB either, so that no bomb goes off here.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, Literal

import aiohttp

from agents.sender.phases import mark
from pipeline.outcomes import Answered
from schemas.attempt import Response

if TYPE_CHECKING:
    from aiohttp.connector import Connection

BODY_BYTES_READ: Final = 64 * 1024
BODY_BYTES_UNPACKED: Final = 64 * 1024
BODY_BYTES_KEPT: Final = 4 * 1024
HEADERS_KEPT: Final = 32
HEADER_NAME_CHARACTERS_KEPT: Final = 100
HEADER_CHARACTERS_KEPT: Final = 500

# zlib's window bits for gzip and for zlib itself (RFC 9110 calls the latter "deflate").
_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class AddressedResponse(aiohttp.ClientResponse):
    """A response that knows the address it came from, also after its connection was released."""

    remote: str | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Note the peer and that there is a connection, then read the head of the response."""
        mark("connect_end")
        transport = connection.transport
        peer = None if transport is None else transport.get_extra_info("peername")
        if peer is not None:
            self.remote = f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"
        return await super().start(connection)


async def read_answer(response: aiohttp.ClientResponse) -> Answered:
    """Read what we want to know of an answer; the connection stays usable if that was all."""
    read = await _beginning(response)
    packed = read[:BODY_BYTES_READ]
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    body = _unpacked(packed, encoding)
    return Answered(
        Response(
            status=response.status,
            headers=_kept_headers(response),
            body=recordable(body[:BODY_BYTES_KEPT].decode(errors="replace")),
            body_bytes=len(packed),
            cut=_cut(read, body),
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
    """The whole body, or if it is longer its beginning, one byte longer than the bound."""
    body = bytearray()
    while len(body) <= BODY_BYTES_READ:
        part = await response.content.read(BODY_BYTES_READ + 1 - len(body))
        if not part:
            return bytes(body)
        body += part
    response.close()
    return bytes(body)


def _kept_headers(response: aiohttp.ClientResponse) -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            recordable(name[:HEADER_NAME_CHARACTERS_KEPT]),
            recordable(value[:HEADER_CHARACTERS_KEPT]),
        )
        for name, value in list(response.headers.items())[:HEADERS_KEPT]
    )


def _unpacked(body: bytes, encoding: str) -> bytes:
    """The beginning of a body without its compression, one byte longer than the bound at most."""
    if encoding not in _WINDOW_BITS:
        return body
    try:
        return zlib.decompressobj(_WINDOW_BITS[encoding]).decompress(body, BODY_BYTES_UNPACKED + 1)
    except zlib.error:
        return f"({len(body)} bytes that are not {encoding})".encode()


def _cut(read: bytes, unpacked: bytes) -> Literal["too_long", "unpacks_too_long"] | None:
    if len(read) > BODY_BYTES_READ:
        return "too_long"
    return "unpacks_too_long" if len(unpacked) > BODY_BYTES_UNPACKED else None
