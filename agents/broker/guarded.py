"""A child process behind the guard: it ends when we say so, and at the latest when we end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO, Final

import psutil

from agents.broker import guard

_GUARD: Final = str(Path(guard.__file__))

# Kafka closes its files within half a second; one that hangs is killed, which it survives.
STOP_TIMEOUT_S: Final = 10.0

# Beyond the command's time, some for the guard itself.
_GUARD_S: Final = 5


class Guarded:
    """One running command."""

    def __init__(  # noqa: PLR0913 - all but the command are named where it is called
        self,
        command: list[str],
        *,
        directory: Path,
        output: Path | None,
        inherited: int,
        priority: int = 0,
        stop_timeout_s: float = STOP_TIMEOUT_S,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start `command` in `directory`, what it prints going to `output` (None: to `printed`).

        `inherited` is a descriptor, of a lock, kept open as long as any part of it runs;
        `priority` is a nice value; `environment` replaces our own. Asked to stop, the command has
        `stop_timeout_s` to do so.
        """
        self._stop_timeout_s = stop_timeout_s
        options = [str(inherited), str(priority), str(stop_timeout_s)]
        with nullcontext(subprocess.PIPE) if output is None else output.open("ab") as file:
            self._guard = subprocess.Popen(  # noqa: S603 - the command is ours
                [sys.executable, "-I", "-S", _GUARD, *options, *command],
                cwd=directory,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=(inherited,),
                start_new_session=True,  # a terminal's Ctrl-C is for us: we say when it stops
            )

    @property
    def printed(self) -> IO[bytes] | None:
        """What the command prints, when it does not go to a file; to be read until its end."""
        return self._guard.stdout

    @property
    def alive(self) -> bool:
        """Whether the command runs (for up to a fifth of a second after its end, too)."""
        return self._guard.poll() is None

    @property
    def pid(self) -> int | None:
        """The command's own process id while it runs."""
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._guard.pid).children()
            return children[0].pid if children else None
        return None

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the end by itself; the exit code. Raises subprocess.TimeoutExpired."""
        code = self._guard.wait(timeout_s)
        self._close_input()
        return code

    def stop(self) -> int:
        """Ask it to end, see to it that it does, and return the exit code."""
        self._close_input()
        try:
            return self._guard.wait(self._stop_timeout_s + _GUARD_S)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it at once, as a power cut would; the exit code."""
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        elif self.alive:
            self._guard.kill()
        code = self._guard.wait()
        self._close_input()
        return code

    def _close_input(self) -> None:
        if self._guard.stdin is not None:
            self._guard.stdin.close()
