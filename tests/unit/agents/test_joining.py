"""What the matcher makes of a batch: jobs, or a dead letter that says why not; each is awaited."""

import asyncio
import base64
import json

import pytest
from confluent_kafka import KafkaError, KafkaException
from prometheus_client import REGISTRY

from agents.kafka.outgoing import TRACEBACK_CHARACTERS_MAX, Received
from agents.matcher import joining, writer
from agents.matcher.joining import Joiner
from schemas.codec import encode
from schemas.topics import DEAD_LETTERS, JOBS
from tests.support.builders import a_webhook, an_account, an_event
from tests.support.configs import configs_of

TOO_LARGE = KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
GONE = KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))  # noqa: SLF001 - its public name


class Broker:
    """Takes records; refuses what a test says, and acknowledges at once or when it is told to."""

    def __init__(self):
        self.sent = []
        self.held = []
        self.holds = False
        self.refusal_of = lambda _record: None

    def send(self, record):
        report = asyncio.get_running_loop().create_future()
        refusal = self.refusal_of(record)
        if refusal is not None:
            report.set_exception(refusal)
            return report
        self.sent.append(record)
        if self.holds:
            self.held.append(report)
        else:
            report.set_result(None)
        return report

    def acknowledge(self):
        self.holds = False
        for report in self.held:
            report.set_result(None)

    def topics(self):
        return [record.topic for record in self.sent]

    def letters(self):
        return [json.loads(it.value) for it in self.sent if it.topic == DEAD_LETTERS]

    def jobs(self):
        found = [json.loads(it.value) for it in self.sent if it.topic == JOBS]
        return [(job["event"]["event_id"], job["webhook_id"]) for job in found]


class Bench:
    def __init__(self, webhooks=1):
        self.broker, self.asked = Broker(), 0
        hooks = [a_webhook(id=f"w{number}", position="end") for number in range(webhooks)]
        self.joiner = Joiner(
            configs_of(an_account(), *hooks),
            send=self.broker.send,
            until_fresh=self.until_fresh,
            end_delayed_tier="1h",
        )

    async def until_fresh(self):
        self.asked += 1

    async def join(self, *values, headers=()):
        await self.joiner.join(
            [
                Received("p-activities", 2, offset, 5, b"25:1", value, headers)
                for offset, value in enumerate(values)
            ]
        )


def event(event_id):
    return encode(an_event(event_id=event_id, phase="end"))


def count(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0


@pytest.fixture
def bug(monkeypatch):
    """Our own code fails on the event `bad`, and on no other."""
    real = joining.deliveries_for

    def deliveries_for(event, *args, **options):
        if event.event_id == "bad":
            raise LookupError("no such rule " + "x" * 20_000)
        return real(event, *args, **options)

    monkeypatch.setattr(joining, "deliveries_for", deliveries_for)


@pytest.mark.usefixtures("bug")
async def test_a_bug_in_the_decision_costs_that_event_and_no_other():
    bench = Bench()
    before = count("hookline_events_total", result="internal_fault")

    await bench.join(event("one"), event("bad"), event("two"))

    assert bench.broker.jobs() == [("one", "w0"), ("two", "w0")]
    letters = bench.broker.letters()
    assert [(it["topic"], it["partition"], it["offset"]) for it in letters] == [
        ("p-activities", 2, 1)
    ]
    letter = letters[0]
    assert base64.b64decode(letter["value"]) == event("bad")
    (fault,) = letter["faults"]
    assert len(fault["message"]) == TRACEBACK_CHARACTERS_MAX
    assert count("hookline_events_total", result="internal_fault") == before + 1


async def test_the_traceback_is_the_dead_letters_fault(monkeypatch):
    bench = Bench()

    def deliveries_for(*_, **__):
        raise LookupError("no such rule")

    monkeypatch.setattr(joining, "deliveries_for", deliveries_for)
    await bench.join(event("bad"))

    (fault,) = bench.broker.letters()[0]["faults"]
    assert fault["message"].startswith("Traceback")
    assert "in deliveries_for" in fault["message"]
    assert fault["message"].endswith("LookupError: no such rule\n")


async def test_an_event_that_cannot_be_written_as_a_job_is_a_dead_letter_too(monkeypatch):
    bench = Bench()
    monkeypatch.setattr(joining, "new_job", lambda *_: 1 / 0)

    await bench.join(event("bad"))

    assert "ZeroDivisionError" in bench.broker.letters()[0]["faults"][0]["message"]


async def test_want_of_memory_is_no_fault_of_the_event(monkeypatch):
    bench = Bench()

    def deliveries_for(*_, **__):
        raise MemoryError

    monkeypatch.setattr(joining, "deliveries_for", deliveries_for)
    with pytest.raises(MemoryError):
        await bench.join(event("one"))

    assert bench.broker.sent == []


@pytest.mark.usefixtures("bug")
@pytest.mark.parametrize("value", [event("good"), event("bad"), b"not json"])
async def test_a_batch_is_done_only_when_all_it_wrote_is_acknowledged(value):
    bench = Bench()
    bench.broker.holds = True
    joining_ = asyncio.create_task(bench.join(value))
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(bench.broker.sent) == 1
    assert not joining_.done()

    bench.broker.acknowledge()
    await asyncio.wait_for(joining_, 1)


@pytest.mark.parametrize("topic", [JOBS, DEAD_LETTERS])
async def test_a_record_that_cannot_be_written_is_raised(topic):
    bench = Bench()
    bench.broker.refusal_of = lambda record: GONE if record.topic == topic else None

    with pytest.raises(KafkaException):
        await bench.join(event("one"), b"not json")


async def test_a_job_too_large_for_its_topic_makes_its_event_a_dead_letter_that_says_so():
    bench = Bench(webhooks=2)
    bench.broker.refusal_of = lambda it: (
        TOO_LARGE if it.topic == JOBS and b'"e2"' in it.value else None
    )
    before = count("hookline_events_total", result="too_large")

    await bench.join(event("e1"), event("e2"), event("e3"))

    assert {it for it, _ in bench.broker.jobs()} == {"e1", "e3"}
    (letter,) = bench.broker.letters()
    assert letter["offset"] == 1
    said = [fault["message"] for fault in letter["faults"]]
    assert [it.split(" has ")[0] for it in said] == [
        "what it asks of 25:w0",
        "what it asks of 25:w1",
    ]
    assert all(it.endswith("too many for jobs") for it in said)
    assert count("hookline_events_total", result="too_large") == before + 1


async def test_a_small_job_refused_for_what_it_travelled_with_is_written_alone():
    bench = Bench()
    refusals = [TOO_LARGE, TOO_LARGE]
    bench.broker.refusal_of = lambda _record: refusals.pop() if refusals else None

    await bench.join(event("e1"), event("e2"))

    assert sorted(bench.broker.jobs()) == [("e1", "w0"), ("e2", "w0")]
    assert bench.broker.letters() == []


async def test_a_dead_letter_too_large_for_its_topic_is_written_without_the_records_bytes():
    bench = Bench()
    bench.broker.refusal_of = lambda record: TOO_LARGE if len(record.value) > 5_000 else None

    await bench.join(b"x" * 9_000, headers=(("h", b"v" * 9_000),))

    (letter,) = bench.broker.letters()
    assert (letter["offset"], letter["value"], letter["headers"]) == (0, None, [])
    assert letter["faults"][0]["message"].startswith("not JSON")
    assert "too large to be kept" in letter["faults"][-1]["message"]


async def test_dead_letters_are_counted_by_the_topic_without_its_prefix():
    bench = Bench()
    before = count("hookline_dead_letters_total", topic="activities")

    await bench.join(b"not json")

    assert count("hookline_dead_letters_total", topic="activities") == before + 1
    assert count("hookline_dead_letters_total", topic="p-activities") == 0


async def test_what_is_unacknowledged_is_bounded_however_many_jobs_an_event_becomes(monkeypatch):
    """And what is decided after such a wait is decided on a view known to be fresh."""
    bench = Bench(webhooks=50)
    monkeypatch.setattr(writer, "UNACKNOWLEDGED_BYTES_MAX", 10 * len(event("one")))
    bench.broker.holds = True
    joining_ = asyncio.create_task(bench.join(event("one"), event("two")))
    for _ in range(10):
        await asyncio.sleep(0)
    assert 0 < len(bench.broker.sent) <= 10

    bench.broker.acknowledge()
    await asyncio.wait_for(joining_, 1)
    assert len(set(bench.broker.jobs())) == 100
    assert bench.asked > 1
