"""When each phase of a try began and ended: look-up, connecting, TLS, first byte, the whole.

What a try passes through is ours at each of these points (the resolver, the socket, the TLS
context, the response), and a context variable leads from there to the try's clock. The client's own
hooks would tell the same at five times the cost.
"""

from __future__ import annotations

import ssl
import time
from contextvars import ContextVar
from typing import Any, Final

from schemas.attempt import Timings

_current: ContextVar[Clock | None] = ContextVar("clock", default=None)

# What was going on, by the last moment that came: for the detail of an attempt that took too long.
_UNDER_WAY: Final = {
    "began": "it had not begun to connect",
    "dns_start": "it was looking up the name",
    "dns_end": "it was connecting",
    "connect_start": "it was connecting",
    "tls_start": "it was agreeing on TLS",
    "connect_end": "it was waiting for the answer's status and headers",
    "first_byte": "it was reading the answer's body",
}


class Clock:
    """Milliseconds since the request began, at the moments that the log shows."""

    def __init__(self) -> None:
        """Start now, and be the clock of the task that made it."""
        self._began = time.perf_counter()
        self._marks: dict[str, float] = {"began": 0.0}
        _current.set(self)

    def mark(self, moment: str) -> None:
        """Note that a moment has come; the last of its name counts."""
        self._marks.pop(moment, None)  # so that it becomes the last of all
        self._marks[moment] = (time.perf_counter() - self._began) * 1_000

    def mark_first(self, moment: str) -> None:
        """Note that a moment has come, unless it had before."""
        if moment not in self._marks:
            self.mark(moment)

    @property
    def is_in_tls(self) -> bool:
        """Whether a TLS handshake has begun and has not ended well."""
        return next(reversed(self._marks)) == "tls_start"

    @property
    def under_way(self) -> str:
        """What is going on now, in words."""
        return _UNDER_WAY[next(reversed(self._marks))]

    def timings(self) -> Timings:
        """The time of each phase that came to its end; None for those that did not, or were not."""
        marks, end = self._marks, (time.perf_counter() - self._began) * 1_000
        connect_start = marks.get("dns_end", marks.get("connect_start"))
        connected = marks.get("tls_start", marks.get("connect_end"))
        return Timings(
            dns_ms=_between(marks.get("dns_start"), marks.get("dns_end")),
            connect_ms=_between(connect_start, connected),
            tls_ms=_between(marks.get("tls_start"), marks.get("connect_end")),
            first_byte_ms=_between(0, marks.get("first_byte")),
            total_ms=_between(0, end),
        )


def mark(moment: str) -> None:
    """Note on the clock of the try under way that a moment has come."""
    clock = _current.get()
    if clock is not None:
        clock.mark(moment)


def mark_first(moment: str) -> None:
    """The same of a moment that may come again, where the first counts."""
    clock = _current.get()
    if clock is not None:
        clock.mark_first(moment)


class TimedContext(ssl.SSLContext):
    """Tells the clock of the try under way that its handshake begins."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:  # noqa: ANN401 - passed on
        """As the original; the event loop calls it once per connection, just before TLS."""
        mark("tls_start")
        return super().wrap_bio(*args, **kwargs)


def verifying_context() -> TimedContext:
    """TLS 1.2 or newer, to hosts whose certificate the system's authorities vouch for."""
    context = TimedContext(ssl.PROTOCOL_TLS_CLIENT)  # which verifies certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    return context


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 2)
