"""What agents write is what the AsyncAPI document says of the topic it goes to."""

import re

import pytest
from jsonschema import Draft202012Validator

from agents.kafka import outgoing
from schemas.asyncapi import MESSAGES, asyncapi
from schemas.codec import Fault, Malformed
from schemas.tiers import TIERS
from tests.support.builders import NOW_MS, a_failure, a_job, an_attempt, an_event

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
RECEIVED = outgoing.Received("activities", 3, 17, NOW_MS, b"25:7", b"{", (("id", b"x"),))

WRITTEN = {
    "new job": ("job", outgoing.new_job(a_job(), TRACE)),
    "parked job": ("job", outgoing.parked_job(a_job(due_at_ms=NOW_MS), TIERS[0], TRACE)),
    "parked event": ("event", outgoing.parked_event(an_event(), TIERS[5], NOW_MS, TRACE)),
    "attempt": ("attempt", outgoing.attempt_record(an_attempt(), TRACE)),
    "failure": ("failure", outgoing.failure_record(a_failure(), TRACE)),
    "dead letter": (
        "dead_letter",
        outgoing.dead_letter(RECEIVED, Malformed((Fault("", "not JSON"),)), NOW_MS),
    ),
}


@pytest.mark.parametrize(("name", "record"), WRITTEN.values(), ids=WRITTEN)
def test_a_record_goes_to_a_topic_that_is_said_to_hold_it(name, record):
    assert name in MESSAGES[record.topic]


@pytest.mark.parametrize(("name", "record"), WRITTEN.values(), ids=WRITTEN)
def test_a_record_has_the_headers_and_the_key_that_are_documented(name, record):
    message = asyncapi()["components"]["messages"][name]
    headers = message.get("headers", {"properties": {}})

    assert record.headers.keys() <= headers["properties"].keys()
    Draft202012Validator(headers).validate(dict(record.headers))
    pattern = message["bindings"]["kafka"]["key"].get("pattern", "")
    assert re.search(pattern, record.key.decode())
