"""When the scheduler may commit: with the delivery report, and not with an error in it."""

# ruff: noqa: SLF001 - writing is the thread's own affair

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError

from agents.kafka import group_consumer
from agents.kafka.producer import Outgoing
from agents.scheduler import tiers
from agents.scheduler.tiers import TierConsumer
from pipeline.settings import Settings
from schemas.tiers import TIERS
from schemas.topics import JOBS_RETRY

KEY = (TIERS[0].topic, 0)
REFUSED = KafkaError(KafkaError._MSG_TIMED_OUT)


class Client:
    """A producer whose reports come when a test says so."""

    def __init__(self):
        self.reports = []

    def produce(self, *_, on_delivery, **__):
        self.reports.append(on_delivery)

    def poll(self, _timeout_s):
        """Nothing is reported here but by `reports`."""

    flush = poll


@pytest.fixture
def bench(monkeypatch):
    client = Client()
    monkeypatch.setattr(tiers, "Producer", lambda _config: client)
    monkeypatch.setattr(group_consumer, "Consumer", lambda _config: SimpleNamespace())
    consumer = TierConsumer(Settings.parse({"HOOKLINE_BOOTSTRAP_SERVERS": "127.0.0.1:1"}))
    consumer.assignments.assign([KEY], {})
    return consumer, client


def write(consumer, offset):
    place = consumer.assignments.handed_out(KEY, offset, 1)
    consumer._write(Outgoing(JOBS_RETRY, b"25:crm", b"{}"), place)


def committable(consumer):
    return consumer.assignments.position(KEY).offset


def test_a_record_is_committed_when_its_copy_is_acknowledged_and_not_before(bench):
    consumer, client = bench
    write(consumer, 7)
    write(consumer, 8)
    assert committable(consumer) == 7

    client.reports[1](None, None)
    assert committable(consumer) == 7
    client.reports[0](None, None)
    assert committable(consumer) == 9


def test_a_record_whose_copy_was_refused_is_not_committed(bench):
    consumer, client = bench
    write(consumer, 7)

    client.reports[0](REFUSED, None)

    assert committable(consumer) == 7


@pytest.mark.parametrize(("is_still_ours", "writes"), [(True, 2), (False, 1)])
def test_a_record_too_large_is_written_by_itself_while_its_partition_is_ours(
    bench, is_still_ours, writes
):
    consumer, client = bench
    write(consumer, 7)
    client.reports[0](KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), None)
    if not is_still_ours:
        consumer.assignments.forget([KEY])
    consumer.after_turn()

    assert len(client.reports) == writes
