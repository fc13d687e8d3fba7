"""Secrets from `hookline apply` to the request, on a real broker: nowhere in plain in between."""

from __future__ import annotations

import base64
import time

from confluent_kafka import Consumer, TopicPartition

from pipeline.sealing import opened
from pipeline.secret_keys import SecretKey, written
from pipeline.signatures import sign_ctm
from schemas.topics import topics
from tests.support.builders import a_webhook, an_account
from tests.support.commands import NEW, SECRETS, a_document
from tests.support.pipelines import Pipeline, current_job

PLAIN = ("hunter2-password", "hunter2-header", "hunter2-signing")
QUIET_S = 40


def everything_on(pipeline: Pipeline, name: str) -> bytes:
    """All bytes of a topic as it is now: keys, values and headers."""
    client = Consumer({**pipeline.client, "group.id": "search"})
    topic = pipeline.topic(name)
    ends = {
        number: client.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
        for number in client.list_topics(topic, timeout=10).topics[topic].partitions
    }
    client.assign([TopicPartition(topic, number, 0) for number, end in ends.items() if end])
    found, last = b"", {number: end - 1 for number, end in ends.items() if end}
    deadline_s = time.monotonic() + QUIET_S
    while last and time.monotonic() < deadline_s:
        for message in client.consume(500, 0.2):
            found += (message.key() or b"") + (message.value() or b"")
            found += b"".join(value or b"" for _, value in message.headers() or [])
            if message.offset() == last.get(message.partition()):
                del last[message.partition()]
    client.close()
    assert not last
    return found


def test_the_endpoint_gets_the_secrets_and_no_topic_ever_holds_one(pipeline, commands, endpoint):
    endpoint.answer = lambda _, count: 503 if count == 1 else 200
    document = a_document(*SECRETS, url=endpoint.url())
    applied = commands.apply(document + "        retry: {schedule: [5s]}\n")
    assert applied.exit_code == 0, applied.output
    assert "hunter2" not in applied.output
    pipeline.start("sender", HOOKLINE_SECRET_KEYS=written(NEW))
    pipeline.start("scheduler")
    pipeline.produce_job(current_job("e1"))
    reasons = [it.reason for it in pipeline.attempts(2, QUIET_S)]

    assert reasons == ["http_503", "delivered"]
    for arrival in endpoint.arrivals:
        expected = base64.b64encode(b"u:hunter2-password").decode()
        assert arrival.headers["Authorization"] == f"Basic {expected}"
        assert arrival.headers["X-Key"] == "hunter2-header"
        assert arrival.headers["X-CTM-Signature"] == sign_ctm(
            "hunter2-signing", arrival.headers["X-CTM-Time"], arrival.body
        )
    on_topics = b"".join(everything_on(pipeline, topic.name) for topic in topics())
    assert b"sealed:new:" in on_topics
    assert not any(text.encode() in on_topics for text in PLAIN)
    assert base64.b64encode(b"u:hunter2-password") not in on_topics


def test_applying_again_changes_nothing_and_a_changed_secret_is_the_only_difference(commands):
    document = a_document(*SECRETS)
    commands.apply(document)
    before = commands.webhook()
    again = commands.apply(document, keys=(SecretKey("newest", b"?" * 32), NEW))
    assert "2 unchanged" in again.stdout
    changed = commands.apply(document.replace("hunter2-header", "hunter3"))
    assert "~ webhook 25/crm\n    headers[0].value: (secret) -> (another secret)\n" in (
        changed.stdout
    )
    assert commands.webhook().basic_auth == before.basic_auth
    assert commands.webhook().signing == before.signing


def test_a_secret_that_is_on_the_topic_in_plain_is_sealed_at_the_next_apply(pipeline, commands):
    secret = a_webhook(name="CRM", headers=[{"name": "X-Key", "value": "hunter2"}])
    pipeline.apply(an_account(), secret)
    applied = commands.apply(a_document("headers: [{name: X-Key, value: hunter2}]"))
    assert "    headers[0].value: (secret) -> (encrypted now)\n" in applied.stdout
    assert opened(commands.webhook(), (NEW,)).headers == secret.headers


def test_without_a_key_a_file_with_secrets_is_refused_and_one_without_is_not(commands):
    refused = commands.apply(a_document(*SECRETS), keys=())
    assert refused.exit_code == 1
    assert str(refused.exception).startswith("accounts[0].webhooks[0] has secrets, and there is no")
    plain = "accounts: [{id: 25, name: Denver Doors}]"
    assert commands.apply(plain, keys=()).exit_code == 0


def test_a_sealed_text_in_the_file_must_be_one_of_its_place(commands):
    document = a_document(*SECRETS)
    commands.apply(document)
    sealed = commands.webhook().headers[0].value
    same = commands.apply(document.replace("hunter2-header", sealed))
    assert "2 unchanged" in same.stdout
    moved = commands.apply(document.replace("hunter2-password", sealed))
    assert moved.exit_code == 1
    assert "config.yaml:10: accounts[0].webhooks[0].basic_auth.password: the key new does not" in (
        moved.stderr
    )


def test_a_sender_without_the_key_sends_nothing_until_it_has_it(pipeline, commands, endpoint):
    document = a_document(*SECRETS, "retry: {schedule: [5s, 5s, 5s]}", url=endpoint.url())
    commands.apply(document)
    sender = pipeline.start("sender")
    pipeline.start("scheduler")
    pipeline.produce_job(current_job("e1"))
    (attempt,) = pipeline.attempts(1)
    assert (attempt.reason, attempt.next.step) == ("secret_unreadable", "retry")
    sender.stop()
    pipeline.start("sender", HOOKLINE_SECRET_KEYS=written(NEW))
    attempts = pipeline.attempts(2, QUIET_S)
    assert [it.reason for it in attempts] == ["secret_unreadable", "delivered"]
    (arrival,) = endpoint.arrivals
    assert arrival.headers["X-Key"] == "hunter2-header"
