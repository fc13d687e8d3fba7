"""Plays a schedule on a stage: each fault at its time, in a thread of its own, and written down.

What could not begin or end as it should is a fault of the harness's own making; it is kept in
`errors`, and a run with any proves nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

import click

from tests.chaos.faults import ALL, Fault, Stage, begin
from tests.chaos.processes import role_of
from tests.chaos.repeats import Incident
from tests.chaos.schedule import OF_BROKER, Planned

# The requests under way at such a fault may be made again by another sender.
_COSTS_REQUESTS: Final = ("sender_kill", "sender_stop", "broker_link_cut", "broker_link_half_open")
_END_S: Final = 120


class Timeline:
    """What happened when, in seconds from the beginning; printed as it happens."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.incidents: list[Incident] = []
        self._began_s = time.monotonic()
        self._broker = threading.Lock()

    def tell(self, what: str) -> None:
        """Print a line with its time, and keep it. May be called from any thread."""
        line = f"{time.monotonic() - self._began_s:7.1f}  {what}"
        self.lines.append(line)
        click.echo(line)

    def play(self, planned: Sequence[Planned], seconds: float, stage: Stage) -> None:
        """Take `seconds`, and longer only for what has to come to its end."""
        begin_s = time.monotonic()
        threads = []
        for each in planned:
            time.sleep(max(0.0, begin_s + each.at_s - time.monotonic()))
            thread = threading.Thread(target=self._happen, args=(each.fault, stage), daemon=True)
            thread.start()
            threads.append(thread)
        time.sleep(max(0.0, begin_s + seconds - time.monotonic()))
        for thread, each in zip(threads, planned, strict=True):
            thread.join(_END_S)
            if thread.is_alive():
                self._fail(f"{each.fault} has not ended")

    def _happen(self, fault: Fault, stage: Stage) -> None:
        # On a busy machine a broker may take longer to come back than was planned.
        with self._broker if fault.kind in OF_BROKER else nullcontext():
            self._happen_now(fault, stage)

    def _happen_now(self, fault: Fault, stage: Stage) -> None:
        try:
            ports = _ports(fault, stage)
            began_s = time.time()
            self.tell(f"{fault}{'' if ports is None else f', {len(ports)} connections'}")
            end = begin(fault, stage)
            time.sleep(fault.duration_s)
            end()
            self.incidents.append(Incident(fault.kind, began_s, time.time(), ports))
            if fault.duration_s:
                self.tell(f"  end of {fault.kind} {fault.target}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the run proves nothing
            self._fail(f"{fault}: {type(error).__name__}: {error}")

    def _fail(self, what: str) -> None:
        self.errors.append(what)
        self.tell(f"THE HARNESS FAILED: {what}")


def _ports(fault: Fault, stage: Stage) -> frozenset[int] | None:
    """The ports by which the receiver knows the senders whose requests a fault costs."""
    if fault.kind not in _COSTS_REQUESTS or role_of(fault.target) not in ("sender", ALL):
        return None
    names = [name for name in tuple(stage.fleet.agents) if role_of(name) == "sender"]
    chosen = names if fault.target == ALL else [fault.target]
    ours = frozenset[int]().union(*(stage.fleet.ports(name) for name in chosen))
    return frozenset[int]().union(*(it.ports_behind(ours) for it in stage.endpoints.values()))
