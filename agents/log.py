"""Logging: one line per fact, structured, JSON for machines and readable for people."""

from __future__ import annotations

import io
import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TextIO, cast

import structlog

from pipeline.settings import Settings

# The same line of a library's code is heard once in so long.
_SAME_AGAIN_S: Final = 10.0
# More kinds of lines than any library has in a bad hour.
_KINDS_MAX: Final = 1_000


def configure_logging(settings: Settings, **context: Any) -> None:  # noqa: ANN401 - any field
    """Set up the process's log on standard error; `context` is on every line (`agent="sender"`)."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            lambda _logger, _name, line: {**context, **line},  # context variables stop at a thread
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_renderers(settings),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    # Libraries' own logs: their warnings matter to us, their progress does not.
    logging.basicConfig(level=logging.WARNING, handlers=[LibraryHandler()], force=True)


class LibraryHandler(logging.Handler):
    """What libraries say, in our form, and each thing only now and then.

    A client of a broker that is away says the same in every new try: 75 lines a second, measured.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Have heard nothing."""
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on, with how many like it were not since the last."""
        if len(self._said) >= _KINDS_MAX:
            self._said.clear()
        # A message without arguments may still differ in each line: by its place it is one kind.
        kind = (record.name, f"{record.pathname}:{record.lineno}")
        now_s = self._clock()
        said_at_s, unsaid = self._said.get(kind, (-_SAME_AGAIN_S, 0))
        if now_s - said_at_s < _SAME_AGAIN_S:
            self._said[kind] = (said_at_s, unsaid + 1)
            return
        self._said[kind] = (now_s, 0)
        more = {"unsaid": unsaid} if unsaid else {}
        log = structlog.get_logger()
        log.log(
            record.levelno,
            "library.said",
            library=record.name,
            text=record.getMessage(),
            exc_info=record.exc_info,
            **more,
        )


class _Unfailing(io.TextIOBase):
    """A stream whose other end may go away: an agent whose reader was killed still drains."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _renderers(settings: Settings) -> list[structlog.types.Processor]:
    console = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    if console:
        # The default would print the variables of every frame: secrets, and whole activities.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
