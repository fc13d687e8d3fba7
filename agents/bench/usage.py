"""What each process costs: CPU seconds between two moments, and memory at its highest.

Looked at from outside, a few times a second. A process that dies keeps what it was last seen to
have used; its successor under the same name adds to that.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

import psutil

# Often enough for a peak that lasts, and seldom enough to cost nothing itself.
_SAMPLE_S: Final = 0.2
_MIB: Final = 1024 * 1024


@dataclass(slots=True)
class _Seen:
    process: psutil.Process
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Used:
    """Per process: CPU seconds, and peak memory in MiB; `together_mib` is the system's peak.

    `others_cores` is how many cores whatever is not part of the bench kept busy meanwhile.
    """

    cpu_s: Mapping[str, float]
    memory_mib: Mapping[str, float]
    together_mib: float
    others_cores: float


def _machine_s() -> float:
    """CPU seconds that anything on this machine was busy, but for this process."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait) - _cpu_s(psutil.Process())


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@dataclass(slots=True)
class _Window:
    cpu_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    memory: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    together: int = 0
    began_s: float = field(default_factory=time.monotonic)
    machine_s: float = field(default_factory=_machine_s)


class UsageMeter:
    """A thread that looks at processes. Use it in a `with` block; any method in any thread."""

    def __init__(self, *, others: frozenset[str]) -> None:
        """`others` are the names of processes that are not part of what is measured."""
        self._others = others
        self._seen: dict[str, _Seen] = {}
        self._window = _Window()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)

    def __enter__(self) -> Self:
        """Look from now on."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._closed.set()
        self._thread.join()

    def watch(self, pids: Mapping[str, int | None]) -> None:
        """Look at these; one that has another pid than before is its successor."""
        with self._lock:
            for name, pid in pids.items():
                seen = self._seen.get(name)
                if pid is None or (seen is not None and seen.process.pid == pid):
                    continue
                try:
                    self._seen[name] = _Seen(psutil.Process(pid), 0.0)
                except psutil.NoSuchProcess:
                    continue
                if seen is None:  # a successor's start is part of what the death costs
                    self._seen[name].cpu_s = _cpu_s(self._seen[name].process)

    def begin(self) -> None:
        """Count from now."""
        with self._lock:
            self._look()
            self._window = _Window()
            self._look()

    def used(self) -> Used:
        """What was used since `begin`."""
        with self._lock:
            self._look()
            found = self._window
            others_s = _machine_s() - found.machine_s - sum(found.cpu_s.values())
            return Used(
                dict(found.cpu_s),
                {name: size / _MIB for name, size in found.memory.items()},
                found.together / _MIB,
                max(0.0, others_s / (time.monotonic() - found.began_s)),
            )

    def _run(self) -> None:
        while not self._closed.wait(_SAMPLE_S):
            with self._lock:
                self._look()

    def _look(self) -> None:
        together = 0
        for name, seen in self._seen.items():
            try:
                cpu_s, memory = _cpu_s(seen.process), seen.process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
            self._window.cpu_s[name] += cpu_s - seen.cpu_s
            seen.cpu_s = cpu_s
            self._window.memory[name] = max(self._window.memory[name], memory)
            together += 0 if name in self._others else memory
        self._window.together = max(self._window.together, together)
