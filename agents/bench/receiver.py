"""The receiver of a bench: a process of its own that times requests and behaves as paths say.

    python -m agents.bench.receiver FILE

It prints its port, writes a record of each request to FILE (see `tally`), a tenth of a second late
at most, and ends when its standard input does. A path is `/<webhook>/<behaviour>[/<argument>]`:

    fine            200 at once
    slow/MS         200 after so many milliseconds
    status/N        the status N at once
    flap/MS         200 for so many milliseconds, 500 for as many, and so on
    hang            no answer at all

A protocol of its own on uvloop: what the receiver costs is taken from those whom it measures.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

import click
import uvloop

from agents.bench.tally import OPEN_MAX, STRAY, UNANSWERED, Arrival

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 4_096
_FLUSH_S: Final = 0.1
_MS_PER_S: Final = 1_000
_HEAD_BYTES_MAX: Final = 64 * 1024
_FAILED: Final = 500
_OK: Final = 200

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_PATH: Final = re.compile(rb"[A-Z]+ /(\d+)/([a-z]+)(?:/(\d+))?[ ?]")
# The load, the event and when it was published (ns), which the publisher puts first.
_TAG: Final = re.compile(rb'"bench":\s*"(\d+)\.(\d+)\.(\d+)"')


class Book:
    """The arrivals that are not in the file yet, and the requests that are open."""

    def __init__(self, file: Path) -> None:
        """Write to `file`, which is made anew."""
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._waiting: list[bytes] = []
        self._open: Counter[int] = Counter()
        self._began_s = time.monotonic()

    def came(self, webhook: int, status: int, body: bytes) -> None:
        """Note a request, which is open from now on."""
        at_ns = time.time_ns()
        self._open[webhook] += 1
        tag = _TAG.search(body)
        load, event, sent_ns = map(int, tag.groups()) if tag else (STRAY, 0, at_ns)
        is_open = min(self._open[webhook], OPEN_MAX)
        arrival = Arrival(at_ns, sent_ns, event, webhook, load, status, is_open)
        self._waiting.append(arrival.packed())

    def left(self, webhook: int) -> None:
        """Note that a request is answered, or given up."""
        self._open[webhook] -= 1

    def is_up(self, period_ms: int) -> bool:
        """Whether what flaps with this period answers now."""
        elapsed_ms = int((time.monotonic() - self._began_s) * _MS_PER_S)
        return elapsed_ms // max(period_ms, 1) % 2 == 0

    def flush(self) -> None:
        """Put all that waits into the file."""
        if self._waiting:
            os.write(self._file, b"".join(self._waiting))
            self._waiting.clear()


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, book: Book, loop: asyncio.AbstractEventLoop) -> None:
        """Belong to `book`."""
        self._book = book
        self._loop = loop
        self._buffer = bytearray()
        self._wanted = 0  # bytes of the request under way, once its head is here
        self._head = 0
        self._webhook: int | None = None  # whose request is open
        self._timer: asyncio.TimerHandle | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - any end is one
        """Forget a request that was given up."""
        if self._timer is not None:
            self._timer.cancel()
        if self._webhook is not None:
            self._book.left(self._webhook)
            self._webhook = None

    def data_received(self, data: bytes) -> None:
        """Note and answer a request as soon as all of it is here."""
        self._buffer += data
        if not self._wanted and not self._found_head():
            return
        if len(self._buffer) >= self._wanted:
            request = bytes(self._buffer[: self._wanted])
            del self._buffer[: self._wanted]
            self._wanted = 0
            self._serve(request)

    def _found_head(self) -> bool:
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            if len(self._buffer) > _HEAD_BYTES_MAX:
                self._transport.abort()
            return False
        self._head = end + len(_HEAD_END)
        length = _LENGTH.search(self._buffer, 0, end)
        self._wanted = self._head + (int(length[1]) if length else 0)
        return True

    def _serve(self, request: bytes) -> None:
        path = _PATH.match(request)
        if path is None:
            self._transport.abort()
            return
        webhook, kind, argument = int(path[1]), path[2], int(path[3] or 0)
        status = self._status(kind, argument)
        self._webhook = webhook
        self._book.came(webhook, status, request[self._head :])
        if kind == b"slow":
            self._timer = self._loop.call_later(argument / _MS_PER_S, self._answer, status)
        elif status != UNANSWERED:
            self._answer(status)

    def _status(self, kind: bytes, argument: int) -> int:
        if kind == b"hang":
            return UNANSWERED
        if kind == b"status":
            return argument
        if kind == b"flap" and not self._book.is_up(argument):
            return _FAILED
        return _OK

    def _answer(self, status: int) -> None:
        self._timer = None
        if self._webhook is not None:
            self._book.left(self._webhook)
            self._webhook = None
        self._transport.write(b"HTTP/1.1 %d -\r\ncontent-length: 0\r\n\r\n" % status)


async def serve(file: Path) -> None:
    """Until standard input ends: whoever started it has ended."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    book = Book(file)

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        with suppress(RuntimeError):  # the loop may be over
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=watch, daemon=True).start()
    made = cast("Any", lambda: Connection(book, loop))
    server = await loop.create_server(made, HOST, 0, backlog=_BACKLOG)
    click.echo(str(server.sockets[0].getsockname()[1]))
    sys.stdout.flush()
    while not ended.is_set():
        book.flush()
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _FLUSH_S)
    book.flush()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
    os._exit(0)  # the thread that watches the input may still be reading
