"""Which part of each topic an audit reads, as it is fixed when the audit begins.

What is committed is asked first, and where the topics end afterwards: so whatever follows from a
record that was committed then lies before those ends, however busy everything is meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # public

from agents.audit.reading import Span
from agents.kafka.clients import admin_client
from agents.kafka.groups import GROUP_TOPICS, RECORDERS
from agents.kafka.standing import (
    EARLIEST,
    LATEST,
    Place,
    committed_by,
    offsets_at,
    places_of,
)
from pipeline.settings import Settings
from schemas.topics import ATTEMPTS, DEAD_LETTERS, FAILURE_TRIGGERS


@dataclass(frozen=True, slots=True)
class Standing:
    """The partitions as they were: where each begins and ends, and what was written since a time.

    `taken` is how far the group that works on a topic has committed; nothing of the topics that
    none works on is there.
    """

    begins: dict[Place, int]
    ends: dict[Place, int]
    since: dict[Place, int]
    taken: dict[Place, int]
    removed_unread: int

    def places(self, names: Iterable[str]) -> list[Place]:
        """The partitions of topics, which are named with prefix."""
        wanted = set(names)
        return [place for place in self.ends if place[0] in wanted]

    def written_since(self, place: Place) -> Span:
        """What was written since then, and whatever else nobody has taken."""
        start = self.since[place]
        return Span(min(start, self.taken.get(place, start)), self.ends[place])

    def before(self, place: Place) -> Span:
        """What is older."""
        return Span(self.begins[place], self.written_since(place).start)

    def whole(self, place: Place) -> Span:
        """All that there is."""
        return Span(self.begins[place], self.ends[place])

    def waiting(self, place: Place) -> int:
        """How many records nobody has taken."""
        end = self.ends[place]
        return max(end - self.taken.get(place, end), 0)


def standing(settings: Settings, since_ms: int) -> Standing:
    """How things stand now; raises `OperationError` when the broker does not say."""
    admin = admin_client(settings)
    consumed = {name: topics for name, topics in GROUP_TOPICS.items() if name != RECORDERS}
    names = [topic for topics in consumed.values() for topic in topics]
    places = places_of(admin, settings, [*names, ATTEMPTS, FAILURE_TRIGGERS, DEAD_LETTERS])
    committed = _committed(admin, settings, consumed)
    ends = offsets_at(admin, places, LATEST)
    begins = offsets_at(admin, places, EARLIEST)
    written = offsets_at(admin, places, OffsetSpec.for_timestamp(since_ms))
    taken = {
        place: max(committed.get(place, 0), begins[place])
        for place in places
        if place[0] in {settings.topic(name) for name in names}
    }
    removed = sum(max(begins[place] - offset, 0) for place, offset in committed.items())
    since = {place: ends[place] if at < 0 else at for place, at in written.items()}
    return Standing(begins, ends, since, taken, removed)


def _committed(
    admin: AdminClient, settings: Settings, consumed: dict[str, tuple[str, ...]]
) -> dict[Place, int]:
    found: dict[Place, int] = {}
    for group, topics in consumed.items():
        own = {settings.topic(topic) for topic in topics}
        reached = committed_by(admin, settings.topic(group))
        found.update({place: offset for place, offset in reached.items() if place[0] in own})
    return found
