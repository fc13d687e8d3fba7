"""Payloads in the shape of real ones, mapped as suggested or with at most three rows edited."""

import pytest

from pipeline.inbound import take_in
from pipeline.inbound_bodies import read_payload
from pipeline.suggesting import suggest
from tests.support import form_payloads, system_payloads
from tests.support.builders import a_source
from tests.support.inbound import a_request

EDITS_MAX = 3
PAYLOADS = [*form_payloads.PAYLOADS, *system_payloads.PAYLOADS]


def mapped(payload):
    """The activity that a payload becomes, and how many rows of the suggestion were edited."""
    request = a_request(payload.body, payload.content_type)
    fields = read_payload(a_source(), request)
    edited = {row["target"] for row in payload.edits}
    suggested = [row.model_dump() for row in suggest(fields).rows if row.target not in edited]
    source = a_source(
        mapping=[*suggested, *payload.edits], region=payload.region, phase=payload.phase
    )
    return take_in(source, request, fields, "America/Denver").activity


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
def test_a_real_payload_is_mapped_by_the_suggestion_and_a_few_edits(payload):
    activity = mapped(payload)
    found = {
        name: {inner: activity[name][inner] for inner in value}
        if isinstance(value, dict)
        else activity[name]
        for name, value in payload.expected.items()
    }
    assert found == payload.expected
    assert len(payload.edits) <= EDITS_MAX


def test_there_are_a_dozen_of_them_and_most_need_no_edit():
    assert len(PAYLOADS) >= 12
    assert sum(not payload.edits for payload in PAYLOADS) > len(PAYLOADS) // 2
    national = {payload.region for payload in PAYLOADS if payload.region is not None}
    assert len(national) >= 6
