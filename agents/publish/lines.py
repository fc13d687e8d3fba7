"""Events as JSON lines: each read, bounded and checked by itself, with all its faults.

The bytes stay what they were: what is published is the line, not our reading of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from schemas.codec import Fault, Malformed
from schemas.event import EVENT_BYTES_MAX, Event, read_event

# Reading goes on behind a line that is too long, without ever holding all of it.
_CHUNK_BYTES: Final = EVENT_BYTES_MAX + 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file; it has an event or faults."""

    number: int
    data: bytes
    event: Event | None
    faults: tuple[Fault, ...] = ()


def read_lines(stream: IO[bytes]) -> Iterator[Line]:
    """Every line that is not blank."""
    for number, (data, size_bytes) in enumerate(_bounded(stream), start=1):
        if size_bytes > EVENT_BYTES_MAX:
            message = f"{size_bytes} bytes, more than the {EVENT_BYTES_MAX} an event may have"
            yield Line(number, b"", None, (Fault("", message),))
        elif data and not data.isspace():
            yield _line(number, data)


def _line(number: int, data: bytes) -> Line:
    try:
        return Line(number, data, read_event(data))
    except Malformed as malformed:
        return Line(number, data, None, malformed.faults)


def _bounded(stream: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Each line without its end, and its size in bytes; of one that is too long, a part."""
    while chunk := stream.readline(_CHUNK_BYTES):
        data = chunk.rstrip(b"\r\n")
        size_bytes = len(data)
        while chunk and not chunk.endswith(b"\n"):
            chunk = stream.readline(_CHUNK_BYTES)
            size_bytes += len(chunk.rstrip(b"\r\n"))
        yield data, size_bytes
