"""When a record in a tier is due, and which topic it goes to then.

Its `due-at` header says so, by the clock of the machine that wrote it; ours may disagree, and
either may jump. What no clock can change is how long a tier lets a record wait. So a `due-at` that
is impossible, by when the record arrived on our monotonic clock, proves that two clocks disagree;
the tier's delay counts instead, from then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.retries import JITTER_MAX, JITTER_MIN
from pipeline.sightings import Arrival
from schemas.codec import Fault, Malformed
from schemas.tiers import Tier
from schemas.topics import ACTIVITIES, ACTIVITY_COMMANDS, JOBS_RETRY, NOTICES

# A tier holds jobs, events that are to come back later, notices to be sent again, and what a
# trigger with a delay asks for; nothing else leaves it.
DESTINATIONS: Final = (JOBS_RETRY, ACTIVITIES, NOTICES, ACTIVITY_COMMANDS)

# Milliseconds of the next three thousand years: what is longer was written in another unit.
_TIME: Final = re.compile(r"[0-9]{1,14}")

# A record may reach its tier so long after its due time was reckoned: producers hold what a broker
# that is away does not take for 15 minutes.
HELD_UP_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Due:
    """When (milliseconds since the epoch) and where to (a topic without prefix)."""

    at_ms: int
    to: str


def due_of(headers: Mapping[str, str]) -> Due:
    """Read a tier record's headers; raises `Malformed` with all their faults."""
    at, to = headers.get("due-at", ""), headers.get("to", "")
    faults = []
    if not _TIME.fullmatch(at):
        faults.append(Fault("headers.due-at", f"must be milliseconds since the epoch, not {at!r}"))
    if to not in DESTINATIONS:
        faults.append(Fault("headers.to", f"must be {' or '.join(DESTINATIONS)}, not {to!r}"))
    if faults:
        raise Malformed(tuple(faults))
    return Due(int(at), to)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Due at `at_s` of the monotonic clock, if the wall clock goes on as it stands.

    `disagreement_s` is how far clocks are proved to disagree: above 0 the record's due time lies
    too far ahead, below 0 too far back.
    """

    at_s: float
    disagreement_s: float = 0.0


def longest_s(tier: Tier) -> float:
    """The longest that a tier lets a record wait."""
    return tier.delay_ms * JITTER_MAX / 1_000


def shortest_s(tier: Tier) -> float:
    """The shortest."""
    return tier.delay_ms * JITTER_MIN / 1_000


def verdict(due: Due, tier: Tier, arrival: Arrival, *, wall_ms: int, now_s: float) -> Verdict:
    """When a record is due that arrived when `arrival` says; `now_s` is monotonic.

    It is never due later than the tier's longest delay after it was certainly there.
    """
    claimed_s = now_s + (due.at_ms - wall_ms) / 1_000
    there_s = now_s if arrival.before_s is None else min(arrival.before_s, now_s)
    latest_s = there_s + longest_s(tier)
    if claimed_s > latest_s:
        return Verdict(latest_s, claimed_s - latest_s)
    if arrival.after_s is not None:
        earliest_s = arrival.after_s + shortest_s(tier)
        if claimed_s < earliest_s - HELD_UP_S:
            return Verdict(earliest_s, claimed_s - earliest_s)
    return Verdict(claimed_s)
