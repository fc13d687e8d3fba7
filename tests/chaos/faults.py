"""Every kind of fault: what it is drawn from, how it begins and how it ends.

A fault is a small value, drawn before the run, that acts on the stage: the agents, the Kafka nodes,
the links between them and those to the endpoints. Faults may overlap. Of two on one link, or on one
clock, the later one holds for as long as it lasts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tests.chaos.cluster import Cluster
from tests.chaos.processes import AGENTS, Fleet
from tests.chaos.proxy import Proxy
from tests.chaos.relay import PASS, Mode

ALL: Final = "all"
ROLES: Final = ("sender", "matcher", "scheduler")
LINK_TROUBLES: Final = ("cut", "delay", "half_open", "one_way")

# Two guests, each a member for about a second at a time; a start takes longer on a busy machine.
STORM_GUESTS: Final = 2
GUEST_S: Final = 1.0
JOIN_S: Final = 10.0


class Switchable(Protocol):
    """The endpoints that can be told to go down and to come back."""

    def flap(self, *, up: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, as drawn: `target` is an agent, a node's number, a link, or all of them."""

    kind: str
    target: str
    duration_s: float
    mode: Mode = PASS
    offset_ms: int = 0

    def __str__(self) -> str:
        more = [f"{self.duration_s:.1f} s"] if self.duration_s else []
        if self.mode.delay_ms:
            more.append(f"{self.mode.delay_ms} ms")
        if self.mode.only:
            more.append(f"only {self.mode.only}")
        if self.offset_ms:
            more.append(f"by {self.offset_ms / 1_000:+.0f} s")
        return f"{self.kind} {self.target}{' (' if more else ''}{', '.join(more)}{')' * bool(more)}"


class Layers:
    """What several faults want of one thing at a time: the latest that has not ended holds."""

    def __init__(self, set_value: Callable[[str, Any], None], normal: Any) -> None:
        self._set = set_value
        self._normal = normal
        self._wanted: dict[str, list[tuple[object, Any]]] = {}
        self._lock = threading.Lock()

    def push(self, name: str, value: Any) -> Callable[[], None]:
        """Let a value hold; what is returned ends that."""
        token = object()
        with self._lock:
            self._wanted.setdefault(name, []).append((token, value))
            self._set(name, value)
        return lambda: self._pop(name, token)

    def _pop(self, name: str, token: object) -> None:
        with self._lock:
            left = [each for each in self._wanted[name] if each[0] is not token]
            self._wanted[name] = left
            self._set(name, left[-1][1] if left else self._normal)


@dataclass
class Stage:
    """What faults act on."""

    fleet: Fleet
    cluster: Cluster
    endpoints: Mapping[str, Proxy]
    flapping: Switchable
    broker_links: Layers = field(init=False)
    endpoint_links: Layers = field(init=False)
    clocks: Layers = field(init=False)

    def __post_init__(self) -> None:
        self.broker_links = Layers(self.cluster.set, PASS)
        self.endpoint_links = Layers(lambda link, mode: self.endpoints[link].set(mode), PASS)
        self.clocks = Layers(self.fleet.set_clock, 0)


End = Callable[[], None]
Begin = Callable[[Fault, Stage], End]


def nothing() -> None:
    """What ends a fault that is over when it has begun."""


def _kill(fault: Fault, stage: Stage) -> End:
    stage.fleet.kill(fault.target)
    return nothing


def _terminate(fault: Fault, stage: Stage) -> End:
    stage.fleet.terminate(fault.target)
    return nothing


def _stop(fault: Fault, stage: Stage) -> End:
    return stage.fleet.freeze(fault.target)


def _kill_broker(fault: Fault, stage: Stage) -> End:
    node = stage.cluster.nodes[int(fault.target) - 1]
    node.kill()
    return node.start


def _freeze_broker(fault: Fault, stage: Stage) -> End:
    node = stage.cluster.nodes[int(fault.target) - 1]
    node.freeze()
    return node.thaw


def _away(_fault: Fault, stage: Stage) -> End:
    """All nodes at once: a quorum does not help."""
    for node in stage.cluster.nodes:
        node.kill()

    def back() -> None:
        for node in stage.cluster.nodes:
            node.launch()
        stage.cluster.wait_complete()

    return back


def _storm(_fault: Fault, stage: Stage) -> End:
    """Senders come, work for a moment, and go, again and again."""
    ending = threading.Event()

    def run(name: str) -> None:
        while not ending.is_set():
            guest = stage.fleet.join(name)
            joining_s = time.monotonic()
            while not guest.is_ready and time.monotonic() - joining_s < JOIN_S:
                ending.wait(0.1)
            ending.wait(GUEST_S)
            stage.fleet.leave(name)

    names = [f"sender{len(AGENTS) + number}" for number in range(STORM_GUESTS)]
    threads = [threading.Thread(target=run, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()

    def end() -> None:
        ending.set()
        for thread in threads:
            thread.join()

    return end


def _broker_link(fault: Fault, stage: Stage) -> End:
    links = stage.cluster.links
    chosen = links if fault.target == ALL else [it for it in links if it == fault.target]
    return _all(stage.broker_links.push(link, fault.mode) for link in chosen)


def _endpoint_link(fault: Fault, stage: Stage) -> End:
    chosen = stage.endpoints if fault.target == ALL else [fault.target]
    return _all(stage.endpoint_links.push(link, fault.mode) for link in chosen)


def _all(ends: Iterable[End]) -> End:
    every = list(ends)

    def end() -> None:
        for each in every:
            each()

    return end


def _clock(fault: Fault, stage: Stage) -> End:
    return stage.clocks.push(fault.target, fault.offset_ms)


def _flap(_fault: Fault, stage: Stage) -> End:
    stage.flapping.flap(up=False)
    return lambda: stage.flapping.flap(up=True)


BEGIN: Final[Mapping[str, Begin]] = {
    **{f"{role}_kill": _kill for role in ROLES},
    **{f"{role}_term": _terminate for role in ROLES},
    **{f"{role}_stop": _stop for role in ROLES},
    "broker_kill": _kill_broker,
    "broker_freeze": _freeze_broker,
    "broker_away": _away,
    "rebalance_storm": _storm,
    **{f"broker_link_{trouble}": _broker_link for trouble in LINK_TROUBLES},
    **{f"endpoint_link_{trouble}": _endpoint_link for trouble in LINK_TROUBLES},
    "clock_forward": _clock,
    "clock_back": _clock,
    "endpoint_flap": _flap,
}


def begin(fault: Fault, stage: Stage) -> End:
    """Let a fault happen; what is returned ends it. Either may take a while."""
    return BEGIN[fault.kind](fault, stage)
