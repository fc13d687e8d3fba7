"""The matcher on a real broker, in real processes: nothing lost, nothing stale, a quick end.

The long version of these trials is the release gate, tests/chaos/matcher_gate.py.
"""

import base64
import json
import time

import pytest

from pipeline.configs import CONFIG_STALENESS_MS_MAX
from schemas.event import EVENT_BYTES_MAX
from schemas.topics import ACTIVITIES, DEAD_LETTERS, JOBS
from tests.support.builders import a_webhook, an_account
from tests.support.matcher_trials import chaos, committed_to, dropped_queue, racing_start
from tests.support.matchers import Installation
from tests.support.waiting import eventually

QUIET_S = 40
SESSION_S = 10  # of a matcher


@pytest.fixture
def installation(broker, tmp_path):
    installation = Installation(broker, tmp_path)
    yield installation
    installation.remove()


@pytest.mark.parametrize("stagger_s", [0, 1.5], ids=["at once", "staggered"])
def test_two_workers_start_on_waiting_events_and_miss_none(installation, stagger_s):
    outcome = racing_start(installation, stagger_s=stagger_s, waiting=1_000, webhooks=500)

    assert outcome.good, outcome


def test_two_workers_start_on_a_large_table_and_miss_none(installation):
    outcome = racing_start(installation, waiting=500, webhooks=20_000)

    assert outcome.good, outcome


def test_an_event_owed_to_fifty_webhooks_becomes_fifty_jobs_through_kills(installation):
    outcome = chaos(installation, seconds=6, rate=20, fan_out=50, every_s=(2, 3), terminate_share=0)

    assert outcome.jobs >= 50 * 20
    assert outcome.good, outcome


def test_kills_and_ends_under_load_lose_nothing(installation):
    outcome = chaos(installation, seconds=7, rate=200, every_s=(2, 3), terminate_share=0.5)

    assert outcome.good, outcome


def test_a_worker_ended_under_load_repeats_nothing(installation):
    outcome = chaos(installation, seconds=6, rate=200, every_s=(3, 3), terminate_share=1)

    assert outcome.good, outcome
    assert outcome.repeated == 0, outcome


def test_a_worker_that_lost_its_queue_ends_itself_and_loses_nothing(installation):
    code, outcome = dropped_queue(installation, stall_s=2)

    assert code == 70
    assert outcome.good, outcome


def test_configuration_made_changed_and_deleted_is_seen(installation):
    installation.create()
    installation.apply(an_account())
    worker = installation.start_worker()
    worker.wait_ready()
    reader = installation.reader()

    def fired(event_id):
        time.sleep(2 * CONFIG_STALENESS_MS_MAX / 1_000)  # what `hookline apply` waits
        before = len(installation_jobs(reader))
        installation.publish([event_id])
        assert committed_more(installation)
        jobs = installation_jobs(reader)[before:]
        return [job["webhook_id"] for job in jobs]

    installation.write_configs({"25/webhook/bad": b"{", "nonsense": b"1"})  # passed over
    assert fired("none-yet") == []
    offset = installation.apply(a_webhook())
    assert fired("made") == ["crm"]
    installation.apply(
        a_webhook(filter={"any": [{"all": [{"field": "x", "op": "eq", "value": 1}]}]})
    )
    assert fired("changed") == []
    installation.delete(a_webhook())
    assert fired("deleted") == []
    installation.apply(a_webhook())
    assert fired("made-again") == ["crm"]
    assert installation_jobs(reader)[0]["config_offset"] == offset
    reader.close()


def installation_jobs(reader):
    reader.poll()
    reader.poll()
    return [json.loads(it.value()) for it in reader.messages]


def committed_more(installation):
    """Everything published so far has been matched: its offset is committed."""
    reader = installation.reader(ACTIVITIES)
    total = reader.end()
    reader.close()
    return committed_to(installation, total, QUIET_S)


def test_an_event_published_after_a_configuration_was_applied_meets_it_on_every_matcher(
    installation,
):
    installation.create()
    installation.apply(an_account())
    workers = [installation.start_worker(), installation.start_worker()]
    for worker in workers:
        worker.wait_ready()
    reader = installation.reader()

    for n in range(50):
        installation.apply(a_webhook(id=f"w{n}", position="sale"))
        time.sleep(2 * CONFIG_STALENESS_MS_MAX / 1_000)
        # Eight activities, so that both workers' partitions get some of them.
        installation.publish((f"e{n}-{k}" for k in range(8)), phase="sale")
    counts = reader.wait_for(50 * 8, QUIET_S)
    reader.close()

    # An event may meet later webhooks too: it can be decided on after the next was applied.
    stale = {event: seen for event, seen in counts.items() if seen <= int(event[1:].split("-")[0])}
    assert len(counts) == 50 * 8
    assert stale == {}


def test_what_cannot_be_read_becomes_a_dead_letter_and_holds_nothing_up(installation):
    installation.create()
    installation.apply(an_account(), a_webhook())
    bad = [b"not json", b'{"phase": "lunch"}', b"\xff\xfe", None, b""]
    for value in bad:
        installation.publish_raw(b"25:1", value)
    published = installation.publish(["good"]) + len(bad)
    installation.start_worker()
    jobs, letters = installation.reader(), installation.reader(DEAD_LETTERS)

    assert jobs.wait_for(1, QUIET_S)["good"] == 1
    assert committed_to(installation, published, QUIET_S)
    eventually(lambda: letters.poll() is not None and len(letters.messages) == len(bad), QUIET_S)
    found = [json.loads(it.value()) for it in letters.messages]
    jobs.close()
    letters.close()

    values = {None if it["value"] is None else base64.b64decode(it["value"]) for it in found}
    assert values == set(bad)
    assert all(it["faults"] and it["topic"] == installation.topic("activities") for it in found)
    assert found[0]["key"] == base64.b64encode(b"25:1").decode()


# Each number takes 4 bytes in an event, and 18 in the job that is made of it.
AWKWARD = b"9e15,"


def large_event(size_bytes):
    head = b'{"event_id":"large","account_id":25,"phase":"end","activity":{"id":1,"n":['
    tail = b"0]}}"
    return head + AWKWARD * ((size_bytes - len(head) - len(tail)) // len(AWKWARD)) + tail


def test_the_largest_event_becomes_a_job_however_much_larger_that_is(installation):
    installation.create()
    installation.apply(an_account(), a_webhook())
    installation.publish_raw(b"25:1", large_event(EVENT_BYTES_MAX))
    installation.start_worker()
    jobs = installation.reader()

    assert jobs.wait_for(1, QUIET_S)["large"] == 1
    assert len(jobs.messages[0].value()) > 3.5 * EVENT_BYTES_MAX
    assert committed_to(installation, 1, QUIET_S)
    jobs.close()


def test_a_job_that_its_topic_does_not_take_is_a_dead_letter_and_holds_nothing_up(installation):
    installation.create()
    installation.set_topic_config(JOBS, "max.message.bytes", "100000")
    installation.apply(an_account(), a_webhook())
    published = installation.publish(f"before-{n}" for n in range(300))
    installation.publish_raw(b"25:1", large_event(50_000))
    published += 1 + installation.publish(f"after-{n}" for n in range(300))
    worker = installation.start_worker()
    jobs, letters = installation.reader(), installation.reader(DEAD_LETTERS)

    seen = jobs.wait_for(600, QUIET_S)
    assert committed_to(installation, published, QUIET_S)
    eventually(lambda: letters.poll() is not None and letters.messages, QUIET_S)
    (letter,) = [json.loads(it.value()) for it in letters.messages]
    jobs.close()
    letters.close()

    assert len(seen) == 600
    assert "large" not in seen
    assert base64.b64decode(letter["value"]) == large_event(50_000)
    assert letter["faults"][0]["message"].endswith("too many for jobs")
    assert worker.alive


def test_the_end_of_an_activity_comes_back_through_the_tier(installation):
    installation.create()
    installation.apply(an_account(), a_webhook(id="later", position="end_delayed"))
    installation.publish(["e1"])
    installation.start_worker()
    tier = installation.reader("retry.1h")

    eventually(lambda: tier.poll() is not None and tier.messages, QUIET_S)
    (record,) = tier.messages
    headers = {name: value.decode() for name, value in record.headers()}
    event = json.loads(record.value())
    tier.close()

    assert headers["to"] == "activities"
    assert int(headers["due-at"]) > time.time() * 1_000 + 3_500_000
    assert (event["phase"], event["origin"]) == ("end_delayed", "delayed")
    assert record.key() == b"25:e1"


def test_a_jobs_headers_say_whose_attempt_it_is_and_keep_the_trace(installation):
    installation.create()
    installation.apply(an_account(), a_webhook())
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    value = {"event_id": "t1", "account_id": 25, "phase": "end", "activity": {"id": 1}}
    installation.producer.produce(
        installation.topic("activities"),
        json.dumps(value).encode(),
        b"25:1",
        headers={"traceparent": trace},
    )
    installation.producer.flush(10)
    installation.start_worker()
    reader = installation.reader(JOBS)

    reader.wait_for(1, QUIET_S)
    (message,) = reader.messages
    headers = {name: found.decode() for name, found in message.headers()}
    reader.close()

    assert message.key() == b"25:crm"
    assert headers["id"] == json.loads(message.value())["delivery_id"]
    assert (headers["attempt"], headers["lane"], headers["traceparent"]) == ("1", "new", trace)
    assert abs(int(headers["due-at"]) - time.time() * 1_000) < 60_000


def test_sigterm_ends_a_worker_quickly_with_code_0_and_everything_committed(installation):
    installation.create()
    installation.fill(10)
    worker = installation.start_worker()
    worker.wait_ready()
    reader = installation.reader()
    published = installation.publish(f"e{n}" for n in range(500))
    reader.wait_for(published, QUIET_S)
    reader.close()

    begin_s = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - begin_s < SESSION_S, "nobody waits until it is missed"
    assert sum(max(0, it) for it in installation.committed().values()) == published


def test_without_a_broker_a_worker_says_so_in_one_line(installation):
    worker = installation.start_worker(HOOKLINE_BOOTSTRAP_SERVERS="127.0.0.1:1")

    assert worker.process.wait(30) == 1
    (line,) = worker.log.read_text().splitlines()
    assert line.startswith("hookline: cannot read")


def test_without_topics_a_worker_says_so_in_one_line(installation):
    worker = installation.start_worker()

    assert worker.process.wait(30) == 1
    assert "hookline topics create" in worker.log.read_text()
