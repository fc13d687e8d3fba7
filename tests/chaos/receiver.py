"""The receiver of a chaos run: a process of its own that writes down every request it gets.

    python -m tests.chaos.receiver --directory DIR

A line goes to DIR/requests.log when a request has come whole, and one to DIR/answers.log just
before it is answered, so no request is answered that is not on paper (see `arrivals`). It prints
its port, and ends when its standard input is closed.

A path is `/<webhook>/<behaviour>[/<number>]`:

    fine            200 at once
    slow/MS         200 after so many milliseconds
    fails/N         500 to the first N requests of each delivery, then 200
    busy/N          503 with `Retry-After` to the first N, then 200
    never           500 always
    gone            410 always
    hang            no answer at all
    drip            an answer that comes byte by byte, without an end
    reset           the connection is reset
    flap            200 while up; the connection is reset while down
    picky           200 while up; 400 while down

`/control/up` and `/control/down` switch what flaps, and what is picky.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import click
import uvloop

REQUESTS, ANSWERS = "requests.log", "answers.log"
RETRY_AFTER_S: Final = 4
_DRIP_S: Final = 0.2
_HEAD_BYTES_MAX: Final = 64 * 1024

_REASONS: Final = {
    200: b"OK",
    400: b"Refused",
    404: b"Not Found",
    410: b"Gone",
    500: b"No",
    503: b"Busy",
}


class Book:
    """The two files, and what the behaviours remember."""

    def __init__(self, directory: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._requests = os.open(directory / REQUESTS, flags, 0o644)
        self._answers = os.open(directory / ANSWERS, flags, 0o644)
        self._number = 0
        self._tries: Counter[str] = Counter()
        self.is_up = True

    def came(self, webhook: str, headers: dict[bytes, bytes], port: int) -> int:
        """Write a request down; its number."""
        self._number += 1
        delivery = headers.get(b"webhook-id", b"-").decode()
        stamp = headers.get(b"webhook-timestamp", b"0").decode()
        line = f"{self._number} {time.time():.4f} {webhook} {delivery} {stamp} {port}\n"
        os.write(self._requests, line.encode())
        return self._number

    def answered(self, number: int, how: int | str) -> None:
        """Write down that a request is answered: a status, or `reset`, `dripped`, `left`."""
        os.write(self._answers, f"{number} {time.time():.4f} {how}\n".encode())

    def nth(self, delivery: str) -> int:
        """Which request of its delivery this is."""
        self._tries[delivery] += 1
        return self._tries[delivery]


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._buffer = bytearray()
        self._open: int | None = None  # the request that is not answered yet
        self._timer: asyncio.TimerHandle | None = None
        self._transport: Any = None
        self._port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._port = peer[1] if peer else 0

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - any end is one
        if self._timer is not None:
            self._timer.cancel()
        if self._open is not None:
            self._book.answered(self._open, "left")
            self._open = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _HEAD_BYTES_MAX:
                self._transport.abort()
            return
        first, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in lines)
        }
        size = end + 4 + int(headers.get(b"content-length", b"0"))
        if len(self._buffer) >= size:
            del self._buffer[:size]
            self._talk(first.split(b" ")[1].decode(), headers)

    def _talk(self, target: str, headers: dict[bytes, bytes]) -> None:
        webhook, kind, argument = [*target.partition("?")[0].strip("/").split("/"), "", "0"][:3]
        if webhook == "control":
            self._book.is_up = kind == "up"
            self._send(200)
            return
        self._open = self._book.came(webhook, headers, self._port)
        delivery = headers.get(b"webhook-id", b"-").decode()
        behaviour = getattr(self, f"_on_{kind}", None)
        if behaviour is None:
            self._answer(404)
        else:
            behaviour(int(argument or 0), delivery)

    def _on_fine(self, _argument: int, _delivery: str) -> None:
        self._answer(200)

    def _on_slow(self, delay_ms: int, _delivery: str) -> None:
        self._later(delay_ms / 1_000, lambda: self._answer(200))

    def _on_fails(self, count: int, delivery: str) -> None:
        self._answer(500 if self._book.nth(delivery) <= count else 200)

    def _on_busy(self, count: int, delivery: str) -> None:
        self._answer(503 if self._book.nth(delivery) <= count else 200)

    def _on_never(self, _argument: int, _delivery: str) -> None:
        self._answer(500)

    def _on_gone(self, _argument: int, _delivery: str) -> None:
        self._answer(410)

    def _on_hang(self, _argument: int, _delivery: str) -> None:
        """Nothing, until the other side has had enough."""

    def _on_drip(self, _argument: int, _delivery: str) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        self._drop()

    def _on_reset(self, _argument: int, _delivery: str) -> None:
        self._answer("reset")

    def _on_flap(self, _argument: int, _delivery: str) -> None:
        self._answer(200 if self._book.is_up else "reset")

    def _on_picky(self, _argument: int, _delivery: str) -> None:
        self._answer(200 if self._book.is_up else 400)

    def _drop(self) -> None:
        self._transport.write(b".")
        self._later(_DRIP_S, self._drop)

    def _later(self, delay_s: float, action: Any) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, action)

    def _answer(self, how: int | str) -> None:
        assert self._open is not None
        self._book.answered(self._open, how)
        self._open = None
        if isinstance(how, int):
            self._send(how)
        else:
            self._transport.abort()

    def _send(self, status: int) -> None:
        more = b"retry-after: %d\r\n" % RETRY_AFTER_S if status == 503 else b""
        self._transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-length: 0\r\n%b\r\n" % (status, _REASONS[status], more)
        )


async def serve(directory: Path, port: int) -> None:
    """Until standard input is closed: whoever started it has ended."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def watch() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(ended.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    threading.Thread(target=watch, daemon=True).start()
    book = Book(directory)
    server = await loop.create_server(lambda: Connection(book), "127.0.0.1", port, backlog=1_024)
    click.echo(str(server.sockets[0].getsockname()[1]))
    sys.stdout.flush()
    await ended.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    uvloop.run(serve(given.directory, given.port))
    os._exit(0)  # the thread that watches the input may still be reading


if __name__ == "__main__":
    main()
