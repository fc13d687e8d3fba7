"""The agents of a run as real processes: started, killed, stopped, counted, and started again.

A process that ends is started again after a short backoff, like `hookline up` does it; how it ended
is counted. Behind each is a guard, so that none outlives the harness, however that one ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import psutil

from agents.broker.guarded import Guarded
from tests.support.modules import ROOT
from tests.support.shifted_clock import set_offset
from tests.support.waiting import eventually

AGENTS: Final = (
    *("matcher1", "matcher2", "sender1", "sender2", "sender3", "scheduler1", "scheduler2"),
)
# Senders that come and go in a rebalance storm; they have a link of their own.
GUESTS: Final = "guests"

READY_S: Final = 180  # on a machine that does much else
TERM_S: Final = 30
_BACKOFFS_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
_STEADY_S: Final = 10  # who ran for so long begins again with the shortest backoff
_LOOK_S: Final = 0.1
_SAMPLE_S: Final = 1.0
_ANSWER_S: Final = 2
_HEAD_BYTES: Final = 64 * 1024
_MIB: Final = 1024 * 1024


def role_of(name: str) -> str:
    """`sender` of `sender2`."""
    return name.rstrip("0123456789")


@dataclass
class Agent:
    """One agent, through all the processes that it has been."""

    name: str
    process: Guarded
    log: Path
    started_s: float
    quick_ends: int = 0
    expected_end: str | None = None  # what we did to it, when we did
    is_leaving: bool = False
    again_at_s: float | None = None  # when its successor starts; it has ended
    _pid: int | None = None

    @property
    def pid(self) -> int | None:
        self._pid = self._pid or self.process.pid
        return self._pid

    def signal(self, number: signal.Signals) -> None:
        if self.pid is not None and self.process.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    @property
    def port(self) -> int | None:
        """Where its pages are, once it has said so."""
        with self.log.open("rb") as file:
            head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
        for line in head.splitlines():
            if '"health.serving"' in line:
                with suppress(ValueError):
                    return int(json.loads(line)["port"])
        return None

    def page(self, path: str) -> str:
        """A page's text, whatever its status; raises OSError when there is no answer."""
        url = f"http://127.0.0.1:{self.port or 1}/{path}"
        try:
            with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def conditions(self) -> dict[str, bool]:
        """What /ready says; empty while it says nothing."""
        with suppress(OSError, ValueError, KeyError):
            return dict(json.loads(self.page("ready"))["conditions"])
        return {}

    @property
    def is_ready(self) -> bool:
        conditions = self.conditions()
        return bool(conditions) and all(conditions.values())

    def metric(self, name: str) -> float | None:
        """The sum of a metric over its labels; None when it cannot be read."""
        values = []
        with suppress(OSError):
            for line in self.page("metrics").splitlines():
                series, _, value = line.rpartition(" ")
                if series.partition("{")[0] == name:
                    values.append(float(value))
        return sum(values) if values else None


class Fleet:
    """All agents. Every method may be called from any thread."""

    def __init__(
        self,
        directory: Path,
        bootstrap_servers_for: Callable[[str], str],
        tell: Callable[[str], None],
        **environment: str,
    ) -> None:
        """`tell` is called with a line whenever an agent ended by itself."""
        self.directory = directory
        self.agents: dict[str, Agent] = {}
        self.ends: Counter[str] = Counter()
        self.own_ends: list[tuple[float, str]] = []
        self.rss_mib: dict[str, list[tuple[float, float]]] = {}
        self._bootstrap_servers_for = bootstrap_servers_for
        self._tell = tell
        self._environment = environment
        self._lives: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._look_after, name="fleet", daemon=True)
        directory.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill all, and start none again."""
        self._stopping.set()
        self._watch.join()
        with self._lock:
            for agent in self.agents.values():
                agent.process.kill()

    def start(self, name: str, *, link: str | None = None) -> Agent:
        """Start an agent by its name; its link has the same, unless another is given."""
        with self._lock:
            self._lives[name] += 1
            log = self.directory / f"{name}.{self._lives[name]}.log"
            process = self._run(name, log, link or name)
            agent = Agent(name, process, log, time.monotonic())
            self.agents[name] = agent
            return agent

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        """Wait until all are ready at the same time."""
        eventually(lambda: all(it.is_ready for it in self._now()), timeout_s)

    def kill(self, name: str) -> None:
        """SIGKILL; it is started again soon."""
        with self._lock:
            agent = self.agents[name]
            agent.expected_end = "SIGKILL"
            agent.signal(signal.SIGKILL)

    def terminate(self, name: str) -> int | None:
        """SIGTERM, and wait for its end; its exit code, or None when it had to be killed."""
        with self._lock:
            agent = self.agents[name]
            agent.expected_end = "SIGTERM"
            agent.signal(signal.SIGTERM)
        try:
            eventually(lambda: not agent.process.alive, TERM_S)
        except AssertionError:
            agent.expected_end = f"SIGTERM ignored for {TERM_S} s, SIGKILL"
            self._tell(f"{name} ignored SIGTERM for {TERM_S} s")
            agent.signal(signal.SIGKILL)
            return None
        return agent.process.wait()

    def freeze(self, name: str) -> Callable[[], None]:
        """SIGSTOP; what is returned lets the very process go on."""
        agent = self.agents[name]
        agent.signal(signal.SIGSTOP)
        return lambda: agent.signal(signal.SIGCONT)

    def join(self, name: str) -> Agent:
        """A guest comes."""
        return self.start(name, link=GUESTS)

    def leave(self, name: str) -> None:
        """A guest goes, for good; one that has ended by itself is not started again."""
        with self._lock:
            self.agents[name].is_leaving = True
        self.terminate(name)
        eventually(lambda: name not in self.agents, TERM_S)

    def ports(self, name: str) -> frozenset[int]:
        """The local ports of an agent's connections now."""
        with suppress(psutil.Error):
            found = psutil.Process(self.agents[name].pid).net_connections("tcp")
            return frozenset(it.laddr.port for it in found if it.status == psutil.CONN_ESTABLISHED)
        return frozenset()

    def set_clock(self, name: str, offset_ms: int) -> None:
        """Set an agent's clock wrong, or right again."""
        set_offset(self._clock(name), offset_ms)

    def _clock(self, name: str) -> Path:
        return self.directory / f"{name}.clock"

    def _now(self) -> list[Agent]:
        with self._lock:
            return list(self.agents.values())

    def _run(self, name: str, log: Path, link: str) -> Guarded:
        if not self._clock(name).exists():
            self.set_clock(name, 0)
        given = {
            "HOOKLINE_BOOTSTRAP_SERVERS": self._bootstrap_servers_for(link),
            "HOOKLINE_LOG_FORMAT": "json",
            "HOOKLINE_HEALTH_PORT": "0",
            "HOOKLINE_EGRESS_ALLOW": "127.0.0.0/8",
            "HOOKLINE_ALLOW_HTTP": "true",
        }
        program = [sys.executable, "-m", "tests.support.shifted_clock", str(self._clock(name))]
        with Path(os.devnull).open("rb") as nothing_to_hold:
            return Guarded(
                [*program, role_of(name)],
                directory=ROOT,
                output=log,
                inherited=nothing_to_hold.fileno(),
                environment={**os.environ, **given, **self._environment},
            )

    def _look_after(self) -> None:
        """Start again what has ended, and look at the memory of the rest."""
        sampled_s = 0.0
        while not self._stopping.wait(_LOOK_S):
            for agent in self._now():
                if agent.again_at_s is None and not agent.process.alive:
                    self._ended(agent)
                elif agent.again_at_s is not None and time.monotonic() >= agent.again_at_s:
                    self._start_again(agent)
            if time.monotonic() - sampled_s >= _SAMPLE_S:
                sampled_s = time.monotonic()
                self._sample()

    def _ended(self, agent: Agent) -> None:
        """Count an end, and say when its successor starts."""
        code = agent.process.wait()
        how = agent.expected_end or "by itself"
        self.ends[f"{role_of(agent.name)}: {how}, exit code {code}"] += 1
        if agent.expected_end is None:
            self.own_ends.append((time.time(), agent.name))
            self._tell(f"{agent.name} ended by itself, exit code {code}: {agent.log}")
        is_steady = time.monotonic() - agent.started_s > _STEADY_S
        agent.quick_ends = 0 if is_steady else agent.quick_ends + 1
        backoff_s = _BACKOFFS_S[min(agent.quick_ends, len(_BACKOFFS_S) - 1)]
        agent.again_at_s = time.monotonic() + backoff_s

    def _start_again(self, agent: Agent) -> None:
        with self._lock:
            if agent.is_leaving:
                del self.agents[agent.name]
            else:
                self.start(agent.name).quick_ends = agent.quick_ends

    def _sample(self) -> None:
        for agent in self._now():
            with suppress(psutil.Error):
                if agent.pid is not None:
                    rss_mib = psutil.Process(agent.pid).memory_info().rss / _MIB
                    self.rss_mib.setdefault(agent.name, []).append((time.time(), rss_mib))
