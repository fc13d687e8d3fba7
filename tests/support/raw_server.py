"""A server of raw bytes on loopback: what no well-behaved HTTP library would send."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
# What to do when a request has come whole; the connection is closed afterwards when it says False.
Talk = Callable[[Writer], Awaitable[bool | None]]


@dataclass
class RawServer:
    """Where it listens, how many connections it took, and each request's head and body."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/in"


@asynccontextmanager
async def a_raw_server(
    talk: Talk, tls: ssl.SSLContext | None = None, *, knows_http: bool = True
) -> AsyncIterator[RawServer]:
    """Answer each request by `talk`; all its connections are closed at the end.

    One that does not know HTTP talks when any bytes have come.
    """
    server, open_tasks = RawServer(), set()

    async def serve(reader: Reader, writer: Writer) -> None:
        server.connections += 1
        task = asyncio.current_task()
        open_tasks.add(task)
        try:
            goes_on = True
            while goes_on is not False:
                server.requests.append(await (_request if knows_http else _bytes)(reader))
                goes_on = await talk(writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client, or the test, has had enough
        finally:
            open_tasks.discard(task)
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        left = list(open_tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _bytes(reader: Reader) -> bytes:
    return await reader.read(10_000)


async def _request(reader: Reader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    length = next((int(it[15:]) for it in lines if it.startswith("content-length:")), 0)
    return head + await reader.readexactly(length)


def sends(data: bytes, *, then_close: bool = False) -> Talk:
    """Send these bytes."""

    async def talk(writer: Writer) -> bool:
        writer.write(data)
        return not then_close

    return talk


def drips(data: bytes, every_s: float) -> Talk:
    """Send these bytes, then a blank now and then, for ever."""

    async def talk(writer: Writer) -> None:
        writer.write(data)
        while True:
            await writer.drain()
            await asyncio.sleep(every_s)
            writer.write(b" ")

    return talk


def floods(data: bytes, more: bytes) -> Talk:
    """Send these bytes, then more and more, as fast as they are taken, for ever."""

    async def talk(writer: Writer) -> None:
        writer.write(data)
        while True:
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(0)

    return talk


def resets(data: bytes = b"") -> Talk:
    """Send these bytes, then reset the connection."""

    async def talk(writer: Writer) -> bool:
        if data:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0.05)  # for the bytes to be read before the reset
        writer.transport.abort()
        return False

    return talk
