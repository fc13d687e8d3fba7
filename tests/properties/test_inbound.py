"""Whatever comes to a source, it becomes events or is refused: nothing raises, nothing grows."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.bracketed import nested
from pipeline.inbound import preview, take_in
from pipeline.inbound_bodies import read_payload
from pipeline.leaves import leaves_of
from pipeline.mapping import map_rows, mapping_faults
from pipeline.paths import compile_path
from pipeline.suggesting import suggest
from pipeline.transforms import Surroundings
from pipeline.verifying import refusal, without_credentials
from schemas.codec import Malformed, encode, validate
from schemas.event import read_event
from schemas.source import Source
from tests.support.builders import NOW_MS, a_source
from tests.support.config_strategies import source_documents
from tests.support.inbound import a_request
from tests.support.values import json_values

ZONE = "America/Denver"
TYPES = (
    *("application/json", "application/x-www-form-urlencoded", "", "text/plain", "text/xml"),
    *("multipart/form-data; boundary=b", "multipart/form-data; boundary=", "a/b; charset=\x00"),
)
NAMES = (
    *("phone", "caller_number", "name", "first_name", "your-email", "custom_a", "custom_fields"),
    *("form_reactor", "label", "field", "call", "id", "sale", "tags", "value", "Telefon", "a[b]"),
)
names = st.sampled_from(NAMES) | st.text(max_size=6)
values = (
    json_values
    | st.sampled_from(["+17205550123", "0171 2345678", "ann@example.com", "2026-05-01", "yes"])
    | st.dictionaries(names, json_values, max_size=3)
    | st.lists(st.dictionaries(names, json_values, max_size=3), max_size=3)
)
payloads = st.dictionaries(names, values, max_size=6)
bodies = (
    st.binary(max_size=80)
    | payloads.map(lambda payload: json.dumps(payload).encode())
    | st.text("ab[]=&%+{}\"':0", max_size=60).map(str.encode)
    | st.text('-b\r\nContent-Disposition: form-data; name="a"', max_size=80).map(
        lambda text: f"--b\r\n{text}\r\n\r\n1\r\n--b--".encode()
    )
)
sources = source_documents.map(lambda document: validate(Source, document))
headers = st.dictionaries(
    st.sampled_from(
        [
            *("authorization", "x-key", "x-signature", "x-time", "webhook-id", "webhook-timestamp"),
            *("webhook-signature", "x-hub-signature-256", "x-id", "idempotency-key"),
        ]
    ),
    st.text(max_size=12) | st.sampled_from(["Basic dTpw", str(NOW_MS // 1_000), "v1,AAAA", "s"]),
)

_kinds = st.sampled_from(
    ["trim", "lower", "digits", "bool", "number", "e164", "split", "concat", "date"]
)
_transforms = _kinds | st.sampled_from(
    [
        {"type": "template", "template": "{{value}}{{#name}}{{.}}{{/name}}"},
        {"type": "lookup", "table": {"yes": True, "a": [1]}},
        {"type": "date", "format": "%Y-%m-%d", "to": "unix"},
        {"type": "split", "by": "-", "index": -1},
    ]
)
_rows = st.fixed_dictionaries(
    {
        "target": st.sampled_from(
            [
                *("caller_number", "name", "duration", "sale.score", "sale.conversion", "tag_list"),
                *("custom_a", "unix_time", "country_code", "direction", "latitude", "paid.a"),
            ]
        ),
        "paths": st.lists(
            st.sampled_from([*NAMES[:-1], 'call["a"][0]', "field[a=b]"]).filter(
                lambda path: path != "your-email"
            ),
            max_size=3,
        ),
        "transforms": st.lists(_transforms, max_size=3),
        "default": st.none() | json_values,
        "on_error": st.sampled_from(["reject", "null", "keep"]),
        "required": st.booleans(),
    }
)
mappings = st.lists(_rows, max_size=5)


@given(body=bodies, content_type=st.sampled_from(TYPES), query=st.text(max_size=20))
def test_any_bytes_are_fields_within_bounds_or_are_refused(body, content_type, query):
    try:
        fields = read_payload(a_source(), a_request(body, content_type, query=query))
    except Malformed:
        return
    assert fields
    json.dumps(fields)


@given(st.lists(st.tuples(st.text("ab[]0", max_size=9), st.integers(0, 9)), max_size=8))
def test_names_with_brackets_keep_every_value_or_are_refused(pairs):
    try:
        fields = nested(pairs)
    except Malformed:
        return
    assert sorted(_scalars(fields)) == sorted(value for _, value in pairs)


def _scalars(value):
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _scalars(each)
    else:
        yield value


@given(mapping=mappings, payload=payloads, region=st.sampled_from([None, "US", "DE"]))
@settings(max_examples=100)
def test_any_payload_becomes_an_event_that_the_topic_takes_or_is_refused(mapping, payload, region):
    source = a_source(mapping=mapping, region=region, allow_no_phone=True)
    request = a_request(json.dumps(payload))
    shown = preview(source, payload, ZONE, NOW_MS)
    if shown.activity is None:
        with pytest.raises(Malformed) as caught:
            take_in(source, request, payload, ZONE)
        assert caught.value.faults == shown.faults != ()
        return
    made = take_in(source, request, payload, ZONE)
    assert shown.faults == ()
    assert [read_event(encode(event)) for event in made.events] == [*made.events]
    assert take_in(source, request, payload, ZONE).events == made.events


@given(mapping=mappings, payload=payloads)
def test_a_required_row_gives_a_value_or_a_fault(mapping, payload):
    rows = a_source(mapping=mapping).mapping
    results = map_rows(rows, payload, Surroundings(payload, ("US",), ZONE))
    for row, result in zip(rows, results, strict=True):
        has_value = result.value not in (None, "", [], {})
        assert has_value is (result.outcome in {"mapped", "default", "kept"})
        assert (result.fault is not None) is (result.outcome == "rejected")
        assert has_value or not row.required or result.outcome == "rejected"


@given(mapping=mappings)
def test_any_mapping_is_checked_without_raising(mapping):
    source = a_source(mapping=mapping)
    assert all(fault.field.startswith("[") for fault in mapping_faults(source.mapping))


@given(payload=payloads)
def test_a_suggestion_finds_what_it_was_made_of(payload):
    for leaf in leaves_of(payload):
        assert compile_path(leaf.path).find(payload) == leaf.value
    suggestion = suggest(payload)
    source = a_source(mapping=[row.model_dump() for row in suggestion.rows])
    assert [*mapping_faults(source.mapping)] == []
    for result in map_rows(source.mapping, payload, Surroundings(payload, ("US",), ZONE)):
        assert result.outcome in {"mapped", "nulled"} or result.target == "caller_number"


@given(source=sources, given_headers=headers, query=st.text(max_size=20), body=bodies)
@example(a_source(), {}, "", b"")
def test_nobody_is_believed_by_chance_and_no_request_raises(source, given_headers, query, body):
    request = a_request(body, query=query, headers=given_headers)
    why = refusal(source, request)
    if source.verification.type in {"none", "basic", "header", "query"}:
        assert why is None or why
    else:
        assert why
    kept = without_credentials(source, request)
    assert kept.headers.keys() == request.headers.keys()
    assert kept.headers.get("authorization") in (None, "•••")
