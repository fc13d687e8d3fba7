"""Which requests were repeats, and which fault each may be put down to.

Pure. A request and its record are told by the delivery and the second in which the request was
made, which stands in its `webhook-timestamp` and in the record: attempts are seconds apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

# A repeat this long after a fault is nothing that the fault explains: a session has timed out by
# then, the partitions have new owners, and what they read again has been asked for.
AFTERMATH_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came to the receiver; `stamp` is its `webhook-timestamp`."""

    number: int
    at_s: float
    webhook: str
    delivery_id: str
    stamp: int
    port: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What counts of a record on `attempts`; `stamp` is None when it made no request."""

    delivery_id: str
    attempt: int
    at_s: float
    stamp: int | None
    outcome: str
    reason: str
    step: str
    partition: int = 0
    webhook: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """A fault while it was at work. `ports` are the local ports of a process that it killed."""

    cause: str
    began_s: float
    ended_s: float
    ports: frozenset[int] | None = None

    @property
    def is_kill(self) -> bool:
        """Whether it ended senders in the middle of their requests."""
        return self.ports is not None

    @property
    def lasted_s(self) -> float:
        """How long it was at work."""
        return self.ended_s - self.began_s


@dataclass(frozen=True, slots=True)
class Repeat:
    """Two requests for one attempt, and what was known of the first when the second was made.

    `was_recorded`: its record was there, so the second should not have been made. `was_late`: its
    record was there and said that the partition's new owner decides.
    """

    first: Request
    second: Request
    cause: str
    was_recorded: bool = False
    was_late: bool = False


def recorded_by_request(
    requests: Iterable[Request], records: Iterable[Recorded]
) -> dict[int, Recorded]:
    """The record of each request, by the request's number: same delivery, same second of start."""
    by_key: dict[tuple[str, int], list[Recorded]] = defaultdict(list)
    for record in records:
        if record.stamp is not None:
            by_key[record.delivery_id, record.stamp].append(record)
    for each in by_key.values():
        each.sort(key=lambda it: it.at_s, reverse=True)
    found = {}
    for request in sorted(requests, key=lambda it: it.at_s):
        waiting = by_key.get((request.delivery_id, request.stamp))
        if waiting:
            found[request.number] = waiting.pop()
    return found


def repeats(
    requests: Iterable[Request],
    recorded: Mapping[int, Recorded],
    incidents: Sequence[Incident],
) -> tuple[Repeat, ...]:
    """Requests beyond the first for each attempt, with the fault that may have caused each."""
    by_delivery: dict[str, list[Request]] = defaultdict(list)
    for request in sorted(requests, key=lambda it: it.at_s):
        by_delivery[request.delivery_id].append(request)
    found = []
    for each in by_delivery.values():
        last: dict[int, Request] = {}
        for request, attempt in zip(each, attempts_of(each, recorded), strict=True):
            first = last.get(attempt)
            if first is not None:
                found.append(_repeat(first, request, recorded.get(first.number), incidents))
            last[attempt] = request
    return tuple(sorted(found, key=lambda it: it.second.at_s))


def _repeat(
    first: Request, second: Request, record: Recorded | None, incidents: Sequence[Incident]
) -> Repeat:
    cause = cause_of(first.at_s, second.at_s, incidents)
    if record is None or record.at_s >= second.at_s:
        return Repeat(first, second, cause)
    is_late = record.step == "late"
    return Repeat(first, second, cause, was_recorded=not is_late, was_late=is_late)


def attempts_of(requests: Sequence[Request], recorded: Mapping[int, Recorded]) -> list[int]:
    """Which attempt each request of a delivery was, in the order in which they came.

    One that is not on record was made again, so it is the attempt of the next that is; after the
    last one on record it is the attempt that had to follow.
    """
    following = 1
    known = [record for it in requests if (record := recorded.get(it.number)) is not None]
    if known:
        following = known[-1].attempt + (known[-1].step == "retry")
    numbers = []
    for request in reversed(requests):
        record = recorded.get(request.number)
        if record is not None:
            following = record.attempt
        numbers.append(following)
    return numbers[::-1]


def cause_of(first_s: float, second_s: float, incidents: Sequence[Incident]) -> str:
    """The last fault that was at work between two requests, or else that ended not long before."""
    began = [it for it in incidents if it.began_s <= second_s]
    between = [it for it in began if it.ended_s >= first_s]
    before = [it for it in began if it.ended_s + AFTERMATH_S >= second_s]
    candidates = between or before
    return max(candidates, key=lambda it: it.began_s).cause if candidates else "unexplained"
