"""Whatever a form holds, it becomes an event or is refused, and keeps to its own places."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.form_bodies import parse_form
from pipeline.form_reactor import Submission, form_event
from pipeline.phone_numbers import e164
from schemas.codec import Malformed, encode
from schemas.event import read_event
from tests.support.builders import NOW_MS
from tests.support.values import json_values, scalars

NAMES = (
    *("caller_number", "phone_number", "country_code", "caller_name", "name", "email", "source"),
    *("id", "unique_form_id", "visitor_sid", "custom_fields", "form_reactor", "field", "labels"),
    *("custom_id", "custom_fields[fields]", "field[account_id]", "label[x]", "form_reactor[name]"),
    *("direction", "unix_time", "form", "account_id", "tag_list"),
)
names = st.sampled_from(NAMES) | st.text(max_size=8)
numbers = st.from_regex(r"\+?[0-9 ()-]{3,14}", fullmatch=True) | st.just("+17205550123")
values = json_values | numbers | st.dictionaries(names, json_values, max_size=4)
forms = st.dictionaries(names, values, max_size=8)
plain = scalars.filter(lambda it: it is not None)


def submitted(fields, form_id="Quote"):
    known = {"account_id": 25, "at_ms": NOW_MS, "occurred_at": "2026-05-01T23:48:05Z", "drawn": "0"}
    return form_event(Submission(form_id=form_id, fields=fields, **known)).event


@given(fields=forms, number=st.none() | st.just("+17205550123"), form_id=st.text(max_size=12))
def test_any_fields_are_an_event_that_the_topic_takes_or_are_refused(fields, number, form_id):
    given_fields = fields if number is None else {**fields, "caller_number": number}
    try:
        event = submitted(given_fields, form_id)
    except Malformed:
        return
    assert read_event(encode(event)) == event


@given(customs=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=9), plain, max_size=6))
def test_no_custom_field_takes_the_place_of_another_field(customs):
    known = {"phone_number": "+17205550123", "name": "Ann", "unique_form_id": "1"}
    alone = submitted(known).activity
    try:
        activity = submitted({**known, "custom_fields": customs}).activity
    except Malformed:
        return
    own = set(alone) - {"custom_fields", "form"}
    assert {name: activity[name] for name in own} == {name: alone[name] for name in own}
    assert activity["form"] | {"custom": []} == alone["form"]
    added = {f"custom_{name}": value for name, value in activity["custom_fields"].items()}
    assert {name: activity[name] for name in set(activity) - set(alone)} == added


@given(number=st.text(max_size=30) | numbers, country=st.none() | st.text(max_size=5))
def test_any_text_is_a_number_in_e164_or_is_refused(number, country):
    try:
        found = e164(number, country)
    except Malformed:
        return
    assert found[0] == "+"
    assert found[1:].isascii()
    assert found[1:].isdecimal()
    assert e164(found, None) == found


@given(body=st.binary(max_size=60) | st.text("a=&%[]+2;", max_size=30).map(str.encode))
def test_any_bytes_are_a_web_form_or_are_refused(body):
    try:
        fields = parse_form(body)
    except Malformed:
        return
    assert all(isinstance(value, str) for value in fields.values())
