"""Run a command that cannot outlive the process that asked for it, however that one ends.

Started as a script, between the two, with nothing but the standard library:
`python -I -S guard.py DESCRIPTOR PRIORITY STOP_TIMEOUT_S COMMAND…`; the command inherits the
descriptor (of a lock) and runs at that nice value. It is stopped when the guard's standard input
closes, when the guard's parent is gone (a fork may hold the input open), or on SIGTERM, and killed
when it has not ended STOP_TIMEOUT_S later. Should the guard itself be killed, the kernel kills the
command: the guard has one thread, so "the parent died" means just that here, which it would not in
a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import Final

# What nobody waits for any more has this long at most: its parent is gone.
_ORPHAN_TIMEOUT_S: Final = 10.0

_POLL_S: Final = 0.2
_PR_SET_PDEATHSIG: Final = 1


class _Stopped(Exception):  # noqa: N818 - it is not an error
    """Somebody asked by signal."""


def main(arguments: list[str]) -> int:
    """Run the command to its end and return its exit code (negative: the signal it died of)."""
    parent = os.getppid()
    descriptor, priority, stop_timeout_s, *command_line = arguments
    os.nice(int(priority))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _on_signal)
    libc = ctypes.CDLL(None)
    command = subprocess.Popen(  # noqa: S603 - the command is our parent's own
        command_line,
        stdin=subprocess.DEVNULL,
        pass_fds=(int(descriptor),),
        preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - one thread
    )
    try:
        while command.poll() is None and not _is_over(parent):
            pass
    except _Stopped:
        pass
    return _stop(command, float(stop_timeout_s), parent)


def _is_over(parent: int) -> bool:
    closed, _, _ = select.select([sys.stdin], [], [], _POLL_S)
    return bool(closed) or os.getppid() != parent


def _stop(command: subprocess.Popen[bytes], timeout_s: float, parent: int) -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    command.terminate()
    began_s = time.monotonic()
    while command.poll() is None:
        # Our input closes a moment before a parent that was killed is seen to be gone.
        limit_s = timeout_s if os.getppid() == parent else min(timeout_s, _ORPHAN_TIMEOUT_S)
        if time.monotonic() - began_s > limit_s:
            command.kill()
        with suppress(subprocess.TimeoutExpired):
            command.wait(_POLL_S)
    return command.returncode


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.exit(code if code >= 0 else 128 - code)
