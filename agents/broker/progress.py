"""How a download is shown: a bar on a terminal, a line now and then elsewhere, or nothing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

# Given what is fetched and its size in bytes, a context whose value takes each arrival's bytes;
# it may be called from several threads.
ShowProgress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]

# Lines in a log file: enough to see that it moves.
_LINES: Final = 4


@contextmanager
def silent(what: str, total_bytes: int) -> Iterator[Callable[[int], None]]:  # noqa: ARG001 - ShowProgress
    """Show nothing."""
    yield lambda _arrived_bytes: None


@contextmanager
def on_stderr(what: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
    """A bar, or lines when standard error is not a terminal."""
    show = _bar if sys.stderr.isatty() else _lines
    with show(what, total_bytes) as advance:
        yield advance


@contextmanager
def _bar(what: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(*columns, TransferSpeedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(what, total=total_bytes)
        yield lambda arrived_bytes: progress.advance(task, arrived_bytes)


@contextmanager
def _lines(what: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
    lock = threading.Lock()
    done_bytes = 0

    def advance(arrived_bytes: int) -> None:
        nonlocal done_bytes
        with lock:
            before = done_bytes * _LINES // total_bytes
            done_bytes += arrived_bytes
            if done_bytes * _LINES // total_bytes > before:
                _say(f"{what}: {done_bytes / 1e6:.1f} of {total_bytes / 1e6:.1f} MB")

    _say(f"{what}: {total_bytes / 1e6:.1f} MB, once")
    yield advance


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
