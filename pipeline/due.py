"""What a record in a tier says of itself: when it is due, and which topic it goes to then."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.codec import Fault, Malformed
from schemas.topics import ACTIVITIES, JOBS_RETRY

# A tier holds jobs, and events that are to come back later; nothing else leaves it.
DESTINATIONS: Final = (JOBS_RETRY, ACTIVITIES)

# Milliseconds of the next three thousand years: what is longer was written in another unit.
_TIME: Final = re.compile(r"[0-9]{1,14}")


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
