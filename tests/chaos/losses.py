"""What the agents' own logs say of a run: ends by themselves, and memberships they lost.

A member that a busy machine keeps from its heartbeats loses its partitions without any fault of
ours, and its requests in flight are made again: that is a cause like another, and is named.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from tests.chaos.processes import role_of
from tests.chaos.repeats import AFTERMATH_S, Incident

_LOST: Final = ("partitions.lost", "membership.fenced", "process.was_frozen")
# A member hears of it this much later at most: a session, and a heartbeat that is late.
_HEARD_LATE_S: Final = 5.0


def own_incidents(
    logs: Path, own_ends: Iterable[tuple[float, str]], faults: Sequence[Incident]
) -> list[Incident]:
    """Incidents that none of the faults explains."""
    ends = [Incident(f"{role_of(name)} ended by itself", at_s, at_s) for at_s, name in own_ends]
    lost = [it for path in sorted(logs.glob("sender*.log")) for it in _lost(path)]
    return [it for it in (*ends, *lost) if not any(_explains(fault, it) for fault in faults)]


def _explains(fault: Incident, incident: Incident) -> bool:
    return fault.began_s <= incident.ended_s and incident.began_s <= fault.ended_s + AFTERMATH_S


def _lost(path: Path) -> Iterator[Incident]:
    for line in path.read_text("utf-8", "replace").splitlines():
        with suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            if entry["event"] in _LOST:
                at_s = datetime.fromisoformat(entry["timestamp"]).timestamp()
                yield Incident(f"sender: {entry['event']}", at_s - _HEARD_LATE_S, at_s)
