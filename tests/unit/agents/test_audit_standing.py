"""Which part of each topic an audit reads, and in which order it asks the broker for that."""

import pytest

from agents.audit import standing as module
from agents.audit.reading import Span
from agents.audit.standing import standing
from agents.kafka.groups import MATCHERS, SENDERS
from agents.kafka.standing import EARLIEST, LATEST
from schemas.topics import ACTIVITIES, ATTEMPTS, DEAD_LETTERS, JOBS
from tests.support.brokers import settings_for

SETTINGS = settings_for("127.0.0.1:1", topic_prefix="p.")
EVENTS, ENDS = ("p.activities", 0), ("p.attempts", 0)
OF_JOBS = ("p.jobs", 0)


class Broker:
    """What it answers, and what it was asked in turn."""

    def __init__(self):
        self.asked = []
        self.begins = {EVENTS: 100, OF_JOBS: 5, ENDS: 50, ("p.dead-letters", 0): 0}
        self.ends = {EVENTS: 200, OF_JOBS: 80, ENDS: 90, ("p.dead-letters", 0): 3}
        self.written = {EVENTS: 150, OF_JOBS: 60, ENDS: 70, ("p.dead-letters", 0): -1}
        self.committed = {"p." + MATCHERS: {EVENTS: 120}, "p." + SENDERS: {OF_JOBS: 75}}

    def places(self, _admin, _settings, topics):
        named = {f"p.{topic}" for topic in topics}
        return [place for place in self.ends if place[0] in named]

    def commits(self, _admin, group):
        self.asked.append("commits")
        return self.committed.get(group, {})

    def offsets(self, _admin, places, spec):
        self.asked.append({EARLIEST: "begins", LATEST: "ends"}.get(spec, "since"))
        told = {EARLIEST: self.begins, LATEST: self.ends}.get(spec, self.written)
        return {place: told[place] for place in places}


@pytest.fixture
def broker(monkeypatch):
    made = Broker()
    monkeypatch.setattr(module, "admin_client", lambda _: None)
    monkeypatch.setattr(module, "places_of", made.places)
    monkeypatch.setattr(module, "committed_by", made.commits)
    monkeypatch.setattr(module, "offsets_at", made.offsets)
    return made


def test_what_is_committed_is_asked_before_where_the_topics_end(broker):
    """In the other order what followed from the last commits could lie beyond the ends."""
    standing(SETTINGS, 1_000)

    last_commit = max(at for at, it in enumerate(broker.asked) if it == "commits")
    assert last_commit < broker.asked.index("ends")


@pytest.mark.usefixtures("broker")
def test_what_nobody_took_is_read_however_old_it_is():
    found = standing(SETTINGS, 1_000)

    assert found.written_since(EVENTS) == Span(120, 200)
    assert found.written_since(OF_JOBS) == Span(60, 80)
    assert (found.waiting(EVENTS), found.waiting(OF_JOBS), found.waiting(ENDS)) == (80, 5, 0)


def test_a_group_that_never_committed_has_taken_nothing(broker):
    del broker.committed["p." + SENDERS]

    assert standing(SETTINGS, 1_000).written_since(OF_JOBS) == Span(5, 80)


@pytest.mark.usefixtures("broker")
def test_what_is_older_is_the_rest():
    found = standing(SETTINGS, 1_000)

    assert (found.before(ENDS), found.written_since(ENDS)) == (Span(50, 70), Span(70, 90))
    assert found.whole(ENDS) == Span(50, 90)
    assert (len(Span(3, 9)), len(Span(9, 3))) == (6, 0)


@pytest.mark.usefixtures("broker")
def test_where_nothing_was_written_since_nothing_is_read():
    assert len(standing(SETTINGS, 1_000).written_since(("p.dead-letters", 0))) == 0


def test_records_that_were_removed_before_they_were_taken_are_counted(broker):
    assert standing(SETTINGS, 1_000).removed_unread == 0

    broker.committed["p." + MATCHERS] = {EVENTS: 90}

    assert standing(SETTINGS, 1_000).removed_unread == 10


@pytest.mark.usefixtures("broker")
def test_partitions_are_found_by_their_topics():
    found = standing(SETTINGS, 1_000)

    named = {name: f"p.{name}" for name in (ACTIVITIES, ATTEMPTS, DEAD_LETTERS, JOBS)}
    assert found.places(named[it] for it in (JOBS, ATTEMPTS)) == [OF_JOBS, ENDS]
    assert {place[0] for place in found.taken} == {named[ACTIVITIES], named[JOBS]}
