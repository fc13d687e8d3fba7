"""Logging: one line per fact, structured, JSON for machines and readable for people."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from pipeline.settings import Settings


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
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)


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
