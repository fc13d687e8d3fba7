"""The producer's promises, with a client in the place of librdkafka's that does as a test says."""

import asyncio
from collections import deque

import pytest
from confluent_kafka import KafkaError, KafkaException

from agents.kafka import producer
from agents.kafka.producer import Outgoing, Publisher
from pipeline.settings import Settings

REFUSED = KafkaError(KafkaError._MSG_TIMED_OUT)  # noqa: SLF001 - its public name


class Client:
    """Has room for a few records, and reports when it is told to."""

    def __init__(self, room):
        self.room = room
        self.queued = deque()
        self.taken = []

    def __len__(self):
        return len(self.queued)

    def produce(self, topic, value, on_delivery, **_):
        if len(self.queued) >= self.room:
            raise BufferError
        self.taken.append((topic, value))
        self.queued.append((value, on_delivery))

    def report(self, error=None):
        """The report of the record that has waited longest."""
        value, on_delivery = self.queued.popleft()
        on_delivery(error, value)

    def poll(self, timeout_s):
        """Nothing comes of itself."""


@pytest.fixture
async def bench(monkeypatch):
    client = Client(room=2)
    monkeypatch.setattr(producer, "Producer", lambda _config: client)
    settings = Settings.parse(
        {"HOOKLINE_BOOTSTRAP_SERVERS": "127.0.0.1:1", "HOOKLINE_TOPIC_PREFIX": "p-"}
    )
    publisher = Publisher(settings, asyncio.get_running_loop())
    yield publisher, client
    publisher._closed.set()  # noqa: SLF001 - its thread would go on polling


def records(count):
    return [Outgoing("jobs", None, str(number).encode()) for number in range(count)]


async def turned():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_record_is_not_written_before_the_broker_has_acknowledged_it(bench):
    publisher, client = bench
    report = publisher.send(records(1)[0])
    await turned()
    assert client.taken == [("p-jobs", b"0")]
    assert not report.done()

    client.report()
    await turned()
    assert report.result() == b"0"


async def test_a_full_queue_is_back_pressure_and_everything_goes_out_in_its_turn(bench):
    publisher, client = bench
    reports = [publisher.send(record) for record in records(5)]
    await turned()
    assert len(client.taken) == 2
    assert publisher.queued == 5
    assert not any(report.done() for report in reports)

    for _ in range(5):
        client.report()
        await turned()
    assert [value for _, value in client.taken] == [b"0", b"1", b"2", b"3", b"4"]
    assert [report.result() for report in reports] == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_report_that_failed_is_raised_where_it_is_awaited(bench):
    publisher, client = bench
    report = publisher.send(records(1)[0])
    client.report(REFUSED)
    await turned()

    assert isinstance(report.exception(), KafkaException)
