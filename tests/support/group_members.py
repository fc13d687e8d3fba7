"""A sender's consumer without a broker: Kafka's client and the event loop are played."""

# ruff: noqa: SLF001 - librdkafka calls what is private here

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from agents.kafka import group_consumer
from agents.sender.consumer import JobConsumer
from pipeline.assignments import Span
from schemas.topics import JOBS
from tests.support.brokers import settings_for

KEY = (JOBS, 0)
PLACE = TopicPartition(JOBS, 0)


class AbortedError(Exception):
    """What `abort` does in these tests."""


class Client:
    """Kafka's consumer and its broker, as far as they are used."""

    def __init__(self, config):
        self.config = config
        self.refusals = 0
        self.steps = []
        self.paused = set()  # kept for partitions that go, as librdkafka does
        self.is_away = False  # the broker takes a commit and says nothing more
        self.stale_commits = 0  # so many are refused, for the group has moved on
        self.places = {}

    def committed(self, partitions, timeout):
        assert timeout > 0
        if self.is_away:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        if self.refusals:
            self.refusals -= 1
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return [self.places.get((it.topic, it.partition), it) for it in partitions]

    def commit(self, *, offsets, asynchronous):
        self.steps.append(("commit", [it.offset for it in offsets], asynchronous))
        if self.stale_commits:
            self.stale_commits -= 1
            nothing = [TopicPartition(it.topic, it.partition, -1001) for it in offsets]
            self.places |= {(it.topic, it.partition): it for it in nothing}
        elif not self.is_away:
            self.places |= {(it.topic, it.partition): it for it in offsets}

    def incremental_assign(self, partitions):
        self.steps.append(("assign", len(partitions)))

    def pause(self, partitions):
        self.paused.update((it.topic, it.partition) for it in partitions)

    def resume(self, partitions):
        self.paused.difference_update((it.topic, it.partition) for it in partitions)

    def incremental_unassign(self, partitions):
        self.steps.append(("unassign", len(partitions)))

    def close(self):
        self.steps.append(("close",))

    def answer(self, code=None):
        self.config["on_commit"](None if code is None else KafkaError(code), [])


class Loop:
    """An event loop that turns only when the test lets it."""

    def __init__(self, *, is_slow=True):
        self.is_slow, self.calls = is_slow, []

    def call_soon_threadsafe(self, call, *arguments):
        self.calls.append(lambda: call(*arguments))
        if not self.is_slow:
            self.turn()

    def turn(self):
        while self.calls:
            self.calls.pop(0)()


class Told:
    """The event loop's side: what it was told, in order."""

    def __init__(self):
        self.told = []
        self.is_yielding = False

    def on_revoked(self, _epochs, released):
        self.told.append("revoked")
        released()

    def on_lost(self, _epochs):
        self.told.append("lost")


def a_member(monkeypatch):
    """A sender's consumer with one partition and one open job, whose loop does not turn."""

    def aborted(reason, _error=None):
        raise AbortedError(reason)

    monkeypatch.setattr(group_consumer, "Consumer", Client)
    monkeypatch.setattr(group_consumer, "abort", aborted)
    monkeypatch.setattr(group_consumer, "_PREPARE_AGAIN_S", 0)
    monkeypatch.setattr(JobConsumer, "prepare", lambda _self, _partitions: {0: Span(0, 0)})
    made = JobConsumer(settings_for("nowhere:1"), Loop())
    made._receiver = Told()
    return made


def open_job(member, offset=7):
    return member.assignments.handed_out(KEY, offset, 1)


def assign(member):
    member._on_assign(member.consumer, [PLACE])


def ask(member):
    """Send a commit, as each turn may."""
    member.commits.ask(now_s=1e9)
    return member.consumer.steps[-1]
