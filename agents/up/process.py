"""One agent as a child process: `hookline AGENT` run by our own interpreter, behind the guard.

What it prints is forwarded line by line. Its health pages are on a port that is chosen here, so
that they can be asked and announced.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

from agents.broker.guarded import Guarded
from agents.broker.ports import free_port, is_free
from pipeline.settings import PREFIX, Settings

# Beyond the time for requests in flight: flushing, a last commit, leaving the group.
_LEAVE_S: Final = 15

# A command's shell reports a signal as this and the signal's number, and so does the guard.
_SIGNAL_BASE: Final = 128

# Listening on all addresses is no address to ask.
_REACHED_AT: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - not bound here

# Given an agent's name and a line that it printed, without the line's end; called in any thread.
Say = Callable[[str, str], None]

# glibc would give each thread of a client a place of its own to take memory from, and keep it.
_LEAN: Final = {"MALLOC_ARENA_MAX": "2"}


def environment_of(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with the Hookline settings replaced by `settings`."""
    others = {name: value for name, value in environment.items() if not name.startswith(PREFIX)}
    given = settings.model_dump(mode="json", include=settings.model_fields_set, exclude_none=True)
    return others | {f"{PREFIX}{field.upper()}": str(value) for field, value in given.items()}


class AgentProcess:
    """An agent that can be started, looked at and stopped, as often as needed."""

    def __init__(
        self, role: str, name: str, settings: Settings, environment: Mapping[str, str], say: Say
    ) -> None:
        """`name` tells agents of one `role` apart; `environment` is what else they are given."""
        self.role = role
        self.name = name
        self.port = settings.health_port
        self._settings = settings
        self._environment = environment
        self._say = say
        self._process: Guarded | None = None
        self._reader: threading.Thread | None = None

    def start(self, inherited: int) -> None:
        """Start it; `inherited` is the descriptor of the lock that it holds as long as it runs."""
        if not self.port or (self._process is not None and not is_free(self.port)):
            self.port = free_port()
        settings = self._settings.model_copy(update={"health_port": self.port})
        self._process = Guarded(
            # -P: a directory `agents` where we happen to be must not hide ours
            [sys.executable, "-P", "-m", "agents.cli", self.role],
            directory=Path.cwd(),
            output=None,
            inherited=inherited,
            stop_timeout_s=self._settings.drain_timeout_s + _LEAVE_S,
            environment=environment_of(settings, _LEAN | dict(self._environment)),
        )
        printed = self._process.printed
        if printed is not None:
            name = f"log of {self.name}"
            self._reader = threading.Thread(target=self._forward, args=[printed], name=name)
            self._reader.daemon = True
            self._reader.start()

    @property
    def pages(self) -> str:
        """The address of its health pages, as it is reached from here."""
        host = self._settings.health_host
        return f"http://{_REACHED_AT.get(host, host)}:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return None if self._process is None else self._process.pid

    def ending(self) -> str:
        """How it ended, in a few words."""
        code = 0 if self._process is None else self._process.wait()
        if code <= _SIGNAL_BASE:
            return f"exit code {code}"
        return f"killed by {signal.Signals(code - _SIGNAL_BASE).name}"

    def stop(self) -> None:
        """Let it finish what is in flight and end; returns when all it printed is forwarded."""
        if self._process is not None:
            self._process.stop()
        if self._reader is not None:
            self._reader.join()

    def _forward(self, printed: IO[bytes]) -> None:
        with printed:
            for line in printed:
                self._say(self.name, line.decode(errors="replace").rstrip("\n"))
