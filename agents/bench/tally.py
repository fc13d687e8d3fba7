"""What arrived against what was owed: missing, repeats, latencies, requests open at once. Pure.

An arrival names its load (the warm-up is the first), its event's number in that load and its
webhook's number. The receiver writes arrivals as records of one size, which are read here.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

# When it arrived and was published (ns), event, webhook, load, status, open requests; in bytes, 30.
_RECORD: Final = struct.Struct("<QQIIHHH")
RECORD_BYTES: Final = _RECORD.size

# An event's number and its webhook's as one, as in a set of a hundred thousand it is cheaper.
_WEBHOOK_BITS: Final = 32

_NS_PER_MS: Final = 1_000_000
_OK: Final = range(200, 300)

# The status of a request that is never answered.
UNANSWERED: Final = 0
# The load of a request that carries none: somebody else's.
STRAY: Final = 65_535
# More requests open at once than a record has room for.
OPEN_MAX: Final = 65_535


class Arrival(NamedTuple):
    """A request that is complete at the receiver. `status` is what it answers."""

    at_ns: int
    sent_ns: int
    event: int
    webhook: int
    load: int
    status: int
    open: int

    def packed(self) -> bytes:
        """The record of it."""
        return _RECORD.pack(*self)


def unpacked(data: bytes) -> Iterator[Arrival]:
    """The arrivals in whole records."""
    return map(Arrival._make, _RECORD.iter_unpack(data))


@dataclass(slots=True)
class Tally:
    """One load's arrivals. `measured` are the webhooks whose deliveries are timed and missed.

    `moments` are the webhook and the time (ns) of each delivery, whether it is the first or not.
    """

    measured: frozenset[int]
    requests: int = 0
    open_max: int = 0
    last_ns: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    moments: list[tuple[int, int]] = field(default_factory=list)
    arrived: int = 0
    _delivered: Counter[int] = field(default_factory=Counter)

    def take(self, arrival: Arrival) -> None:
        """Take in an arrival of this load."""
        self.requests += 1
        self.open_max = max(self.open_max, arrival.open)
        if arrival.status not in _OK:
            return
        key = arrival.event << _WEBHOOK_BITS | arrival.webhook
        self._delivered[key] += 1
        self.moments.append((arrival.webhook, arrival.at_ns))
        if self._delivered[key] == 1 and arrival.webhook in self.measured:
            self.arrived += 1
            self.last_ns = max(self.last_ns, arrival.at_ns)
            self.latencies_ms.append((arrival.at_ns - arrival.sent_ns) / _NS_PER_MS)

    @property
    def duplicates(self) -> int:
        """Deliveries that were answered with success more than once, each further time counted."""
        return self._delivered.total() - len(self._delivered)

    def missing(self, owed: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
        """Which of these (event, webhook) have not arrived at a webhook that is measured."""
        return {
            (event, webhook)
            for event, webhook in owed
            if webhook in self.measured and event << _WEBHOOK_BITS | webhook not in self._delivered
        }

    def undelivered(self, owed: Iterable[tuple[int, int]]) -> int:
        """How many of these have not been delivered to any other webhook: they wait in a tier."""
        return sum(
            webhook not in self.measured and event << _WEBHOOK_BITS | webhook not in self._delivered
            for event, webhook in owed
        )
