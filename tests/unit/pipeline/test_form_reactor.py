"""Forms under CallTrackingMetrics' names, and the events that they make."""

import pytest

from pipeline.form_bodies import parse_form
from pipeline.form_reactor import CUSTOM_FIELDS_MAX, Submission, form_event
from schemas.event import EVENT_BYTES_MAX
from tests.support.builders import NOW_MS
from tests.support.faults import faults_of

AT = "2026-05-01T23:48:05.000Z"
NUMBER = "+17205550123"
FILLED_IN = {
    "phone_number": "(720) 555-0123",
    "country_code": 1,
    "caller_name": " Ann Lee ",
    "email": "ann@example.com",
    "visitor_sid": "5531",
    "type": "API",
    "callback_number": "+13035550100",
    "delay_calling_by": 30,
    "unique_form_id": "entry-481",
    "id": 9,
    "name": "Get a quote",
    "domain": "doors.example.com",
    "custom_account_number": "A-17",
}


def submitted(fields, form_id="Quote", **changes):
    known = {"account_id": 25, "at_ms": NOW_MS, "occurred_at": AT, "drawn": "0af3"}
    return form_event(Submission(form_id=form_id, fields=fields, **{**known, **changes}))


def activity_of(fields, **changes):
    return submitted(fields, **changes).event.activity


def with_number(**fields):
    return {"phone_number": NUMBER, **fields}


def test_a_form_becomes_an_activity_of_direction_form_and_an_event_at_form():
    made = submitted(FILLED_IN)
    event = made.event
    assert made.warnings == ()
    assert (event.phase, event.account_id, event.occurred_at) == ("form", 25, AT)
    assert (event.origin, event.sequence, event.webhook_id) == ("upstream", None, None)
    assert event.activity == {
        "id": event.activity_id,
        "account_id": 25,
        "direction": "form",
        "unix_time": NOW_MS // 1_000,
        "caller_number": NUMBER,
        "source": "Quote",
        "name": "Ann Lee",
        "email": "ann@example.com",
        "visitor_sid": "5531",
        "form": {
            "form_id": "Quote",
            "form_name": "Get a quote",
            "type": "API",
            "callback_number": "+13035550100",
            "delay_calling_by": "30",
            "unique_form_id": "entry-481",
            "id": "9",
            "domain": "doors.example.com",
            "custom": [{"id": "account_number", "label": "account_number", "value": "A-17"}],
        },
        "custom_fields": {"account_number": "A-17"},
        "custom_account_number": "A-17",
    }


def test_a_number_alone_will_do_and_our_own_names_are_taken():
    least = activity_of({"caller_number": NUMBER})
    assert least == {
        "id": "form_0af3",
        "account_id": 25,
        "direction": "form",
        "unix_time": NOW_MS // 1_000,
        "caller_number": NUMBER,
        "source": "Quote",
        "form": {"form_id": "Quote", "custom": []},
        "custom_fields": {},
    }
    ours = activity_of({"caller_number": NUMBER, "name": "Ann", "source": "Website"})
    assert (ours["name"], ours["source"], "form_name" in ours["form"]) == ("Ann", "Website", False)
    assert activity_of(with_number(source=" ", name=None))["source"] == "Quote"


@pytest.mark.parametrize(
    "given",
    [
        {"custom_a": "1", "custom_b": "2"},
        {"custom_fields": {"a": "1", "custom_b": "2"}},
        {"custom_fields[a]": "1", "custom_fields[custom_b]": "2"},
        {"field": {"a": "1"}, "field[b]": "2"},
        {"form_reactor": {"custom_a": "1"}, "custom_b": "2", "custom_fields": {"b": "2"}},
    ],
)
def test_custom_fields_are_the_same_however_they_are_written(given):
    activity = activity_of(with_number(**given))
    assert activity["custom_fields"] == {"a": "1", "b": "2"}
    assert (activity["custom_a"], activity["custom_b"]) == ("1", "2")


def test_what_is_nested_is_the_same_as_what_is_flat_and_labels_go_with_their_fields():
    nested = {
        "form_reactor": {"phone_number": "7205550123", "country_code": "1", "caller_name": "Ann"},
        "field": {"size": ["S", "M"], "color": None, "fits": True},
        "label": {"size": "Which size?"},
        "labels": {"custom_fits": "Does it fit?", "color": " ", "gone": "Gone"},
        "custom_fields": None,
    }
    activity = activity_of(nested)
    assert (activity["caller_number"], activity["name"]) == (NUMBER, "Ann")
    assert activity["form"]["custom"] == [
        {"id": "size", "label": "Which size?", "value": ["S", "M"]},
        {"id": "fits", "label": "Does it fit?", "value": True},
    ]
    body = b"form_reactor[phone_number]=%2B17205550123&field%5Bsize%5D=S&label[size]=Which+size%3F"
    assert activity_of(parse_form(body))["form"]["custom"] == [
        {"id": "size", "label": "Which size?", "value": "S"},
    ]


def test_a_form_sent_again_is_the_same_event_and_one_of_another_form_or_account_is_not():
    given = with_number(unique_form_id="1")
    first = submitted(given).event
    later = submitted(given, at_ms=NOW_MS + 60_000, drawn="ffff").event
    assert (first.event_id, first.activity_id) == (later.event_id, later.activity_id)
    others = [
        submitted(given, form_id="Quote2").event,
        submitted(given, account_id=26).event,
        submitted(with_number(unique_form_id="2")).event,
        submitted(with_number()).event,
        submitted(with_number(), drawn="ffff").event,
    ]
    assert len({it.event_id for it in (first, *others)}) == 6
    assert submitted(with_number(unique_form_id="12"), form_id="3").event.activity_id != (
        submitted(with_number(unique_form_id="1"), form_id="23").event.activity_id
    )


def test_what_is_unknown_is_passed_over_with_a_warning():
    made = submitted({**with_number(), "_wpnonce": "x", "form_reactor": {"submit": "Send"}})
    assert [it.field for it in made.warnings] == ["_wpnonce", "form_reactor.submit"]
    assert "_wpnonce" not in made.event.activity


def test_every_fault_is_told_at_once_where_it_was_written():
    given = {
        "form_reactor": {"phone_number": "555", "email": ["a"]},
        "name": "x" * 2_001,
        "source": True,
        "label": {"a": 1.5},
        "labels": "Size",
        "custom_": "nameless",
        "custom_fields": {"fields": 1, "a\n": 1, "deep": {"a": 1}},
        "field[b]": [["a"]],
        "custom_c": 1,
        "field": {"c": 2},
    }
    assert faults_of(submitted, given, form_id="a\tb") == {
        "form_reactor.phone_number": "is no telephone number with its country's code, such as "
        "+17205550123; without that give country_code too",
        "form_reactor.email": "must be text",
        "name": "has 2001 characters, more than 2000",
        "source": "must be text",
        "label.a": "must be text",
        "labels": "must be an object",
        "custom_": "a custom field's name has 1 to 100 printable characters",
        "custom_fields.fields": "no custom field may have this name, where all of them stand",
        "custom_fields.a\n": "a custom field's name has 1 to 100 printable characters",
        "custom_fields.deep": "must be text, a number, true or false, or a list of these",
        "field[b]": "must be text, a number, true or false, or a list of these",
        "field.c": "is given before with another value",
        "id": "a form's name, in the path, has 1 to 200 printable characters",
    }


def test_a_number_is_required_and_a_fault_in_it_or_its_country_names_the_field_as_written():
    missing = {"caller_number": "required, but missing; its other name is phone_number"}
    assert faults_of(submitted, {}) == missing
    assert faults_of(submitted, {"phone_number": " ", "custom_phone_number": {}}) == {
        **missing,
        "custom_phone_number": "must be text, a number, true or false, or a list of these",
    }
    assert faults_of(submitted, {"phone_number": 1.5}) == {"phone_number": "must be text"}
    country = {"form_reactor[country_code]": "999"}
    assert list(faults_of(submitted, with_number(**country))) == [*country]


def test_two_names_of_a_field_may_not_say_two_things():
    assert activity_of(with_number(caller_number=NUMBER))["caller_number"] == NUMBER
    assert faults_of(submitted, with_number(caller_number="+13035550100")) == {
        "caller_number": "is the same field as phone_number, which says another thing"
    }


def test_a_form_with_too_many_custom_fields_or_too_much_in_them_is_refused():
    many = {f"custom_{number}": "x" for number in range(CUSTOM_FIELDS_MAX + 1)}
    assert faults_of(submitted, with_number(**many)) == {
        "custom_fields": "a form has at most 200 custom fields"
    }
    (message,) = faults_of(submitted, with_number(custom_a="x" * EVENT_BYTES_MAX)).values()
    assert message.endswith(f"bytes, more than the {EVENT_BYTES_MAX} an event may have")
