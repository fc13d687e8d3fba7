"""What an inbound request becomes: activity and events, ids that stay, faults by field."""

import pytest

from pipeline.activity_fields import TEXT_CHARACTERS_MAX
from pipeline.inbound import DAY_MS, SHOWN_CHARACTERS_MAX, preview, take_in
from pipeline.inbound_bodies import read_payload
from schemas.event import EVENT_BYTES_MAX
from tests.support.builders import NOW_MS, a_source
from tests.support.faults import faults_of
from tests.support.inbound import a_request

NUMBER = "+17205550123"
ROW = {"target": "caller_number", "paths": ["phone"]}
ZONE = "America/Denver"


def taken(body, source=None, **more):
    """What a source makes of a JSON body."""
    source = source or a_source(region="US")
    request = a_request(body, **more)
    return take_in(source, request, read_payload(source, request), ZONE)


def refused(body, source=None, **more):
    return faults_of(taken, body, source, **more)


def mapping(*rows, **more):
    return a_source(mapping=[ROW, *rows], region="US", **more)


def test_a_request_becomes_an_activity_at_form_and_its_end():
    source = mapping(
        {"target": "name", "paths": ["who"]},
        {"target": "sale.value", "paths": ["worth"]},
        {"target": "custom_account_number", "paths": ["account"]},
        {"target": "form.form_name", "default": "Quote"},
        source_name="Website",
    )
    made = taken('{"phone": "7205550123", "who": "Ann", "worth": 85, "account": "A-17"}', source)
    form, end = made.events
    assert (form.phase, end.phase) == ("form", "end")
    assert (form.account_id, form.occurred_at) == (25, "2026-05-01T23:48:05.000Z")
    assert form.activity == end.activity == made.activity
    assert made.warnings == ()
    assert [row.outcome for row in made.rows] == ["mapped"] * 4 + ["default"]
    assert made.activity == {
        "id": form.activity_id,
        "account_id": 25,
        "direction": "form",
        "unix_time": NOW_MS // 1_000,
        "source": "Website",
        "caller_number": NUMBER,
        "name": "Ann",
        "sale": {"value": "85"},
        "form": {
            "form_id": "web-form",
            "form_name": "Quote",
            "custom": [{"id": "account_number", "label": "account_number", "value": "A-17"}],
        },
        "custom_fields": {"account_number": "A-17"},
        "custom_account_number": "A-17",
    }


def test_the_source_is_the_row_s_or_the_source_s_name():
    rows = [ROW, {"target": "source", "paths": ["utm"]}]
    source = a_source(mapping=rows, region="US")
    assert taken('{"phone": "7205550123", "utm": "ads"}', source).activity["source"] == "ads"
    named = "Form on the web site"
    assert taken('{"phone": "7205550123"}', source).activity["source"] == named


def test_another_phase_is_told_alone_and_has_a_direction_that_fits():
    for phase, direction in (("inbound_text", "msg_inbound"), ("sale", "form")):
        made = taken('{"phone": "7205550123"}', mapping(phase=phase))
        assert [event.phase for event in made.events] == [phase]
        assert made.activity["direction"] == direction
        assert "form" not in made.activity or direction == "form"


def test_a_direction_is_one_that_activities_have():
    source = mapping({"target": "direction", "paths": ["d"]})
    body = '{"phone": "7205550123", "d": "%s"}'
    assert taken(body % "chat", source).activity["direction"] == "chat"
    assert list(refused(body % "up", source)) == ["direction"]
    kept = mapping({"target": "direction", "paths": ["d"], "on_error": "keep"})
    assert list(refused('{"phone": "7205550123", "d": {"a": ["b"]}}', kept)) == ["direction"]


def test_a_country_code_is_used_and_not_kept():
    source = a_source(mapping=[ROW, {"target": "country_code", "paths": ["code"]}])
    activity = taken('{"phone": "7205550123", "code": 1}', source).activity
    assert activity["caller_number"] == NUMBER
    assert "country_code" not in activity


def test_a_number_is_needed_unless_the_source_says_otherwise():
    why = "required, but missing: map it, or let the source allow that there is none"
    assert refused('{"a": 1}', mapping()) == {"caller_number": why}
    kept = a_source(mapping=[{**ROW, "on_error": "keep"}])
    unknown = '{"phone": "anonymous"}'
    assert refused(unknown, kept) == {
        "caller_number": "must be a telephone number, such as +17205550123"
    }
    wrong = refused(unknown, mapping())
    assert list(wrong) == ["caller_number"]
    assert "is no telephone number" in wrong["caller_number"]
    free = a_source(mapping=[{**ROW, "on_error": "keep"}], allow_no_phone=True)
    assert taken(unknown, free).activity["caller_number"] == "anonymous"
    assert "caller_number" not in taken('{"a": 1}', free).activity


def test_every_fault_is_told_at_once_by_its_field():
    source = mapping(
        {"target": "duration", "paths": ["d"]},
        {"target": "email", "paths": ["e"], "required": True},
    )
    assert list(refused('{"phone": "x", "d": "long"}', source)) == [
        "caller_number",
        "duration",
        "email",
    ]


def test_what_was_left_out_or_kept_is_a_warning():
    source = mapping(
        {"target": "duration", "paths": ["d"], "on_error": "null"},
        {"target": "talk_time", "paths": ["d"], "on_error": "keep"},
        {"target": "hold_time", "paths": ["d"], "on_error": "null", "default": 0},
        {"target": "email", "paths": ["e"]},
    )
    made = taken('{"phone": "7205550123", "d": "long"}', source)
    why = "must be a number, not below 0, so it was"
    assert {each.field: each.message for each in made.warnings} == {
        "duration": f"{why} left out",
        "talk_time": f"{why} kept as it came",
        "hold_time": f"{why} replaced by the default",
    }
    assert (made.activity["talk_time"], made.activity["hold_time"]) == ("long", 0)
    assert "duration" not in made.activity


def ids(source=None, body='{"phone": "7205550123"}', **more):
    return tuple(event.event_id for event in taken(body, source, **more).events)


def test_a_request_that_is_sent_again_is_the_same_events():
    first = ids()
    assert len({*first}) == 2
    assert ids(at_ms=NOW_MS + 1_000) == first
    assert ids(body='{"phone": "7205550124"}') != first
    assert ids(a_source(id="other", region="US")) != first
    assert ids(a_source(account_id=26, region="US")) != first


def test_the_same_form_of_another_day_is_another():
    assert ids(at_ms=NOW_MS + DAY_MS) != ids()


@pytest.mark.parametrize(
    "header", ["webhook-id", "idempotency-key", "x-github-delivery", "x-shopify-webhook-id"]
)
def test_the_sender_s_own_id_says_which_request_it_is(header):
    first = ids(headers={header: "7"})
    again = ids(body='{"phone": "7205550199"}', headers={header: "7"}, at_ms=NOW_MS + DAY_MS)
    assert again == first
    assert ids(headers={header: "8"}) != first
    assert ids(headers={header: " "}) == ids()


def test_the_sender_s_id_stands_where_the_source_says():
    for place, more in (
        ({"header": "X-Id"}, {"headers": {"x-id": "7"}}),
        ({"path": "entry.id"}, {"body": '{"phone": "7205550123", "entry": {"id": 7}}'}),
    ):
        source = a_source(region="US", deduplication=place)
        assert ids(source, **more) == ids(source, **more, at_ms=NOW_MS + DAY_MS)
        (warning,) = taken('{"phone": "7205550123"}', source).warnings
        assert warning.field == "deduplication"


def test_stripe_s_id_is_the_event_s():
    source = a_source(region="US", verification={"type": "stripe", "secrets": ["s"]})
    body = '{"phone": "7205550123", "id": "evt_1"}'
    assert ids(source, body) == ids(source, body, at_ms=NOW_MS + DAY_MS)
    github = a_source(region="US", verification={"type": "github", "secrets": ["s"]})
    assert ids(github, body) != ids(github, body, at_ms=NOW_MS + DAY_MS)


OURS = {
    "phone_number": "(720) 555-0123",
    "custom_account_number": "A-17",
    "custom_fields": {"b c": ["x"], "custom_d": 1},
    "field": {"color": "red"},
    "tag_list": "a, b",
    "sale": {"score": "4"},
}


def own(payload, **more):
    return preview(a_source(mapping=[], region="US", **more), payload, ZONE, NOW_MS)


def test_a_source_without_rows_takes_our_names_and_ctm_s():
    shown = own(OURS)
    assert shown.faults == ()
    assert shown.warnings == ()
    assert shown.activity["caller_number"] == NUMBER
    assert shown.activity["custom_fields"] == {
        "account_number": "A-17",
        "b c": ["x"],
        "d": 1,
        "color": "red",
    }
    assert shown.activity["custom_b c"] == ["x"]
    assert shown.activity["tag_list"] == ["a", "b"]
    assert shown.activity["sale"] == {"score": 4}


def test_ctm_s_nesting_is_taken_and_a_second_name_is_the_form_s():
    nested = {"form_reactor": {"phone_number": "7205550123", "caller_name": "Ann", "custom_a": 1}}
    shown = own({**nested, "name": "Quote"})
    assert shown.activity["name"] == "Ann"
    assert shown.activity["form"]["form_name"] == "Quote"
    assert shown.activity["custom_a"] == 1
    alone = own({"caller_number": NUMBER, "name": "Ann", "form_reactor": "x"})
    assert alone.activity["name"] == "Ann"
    assert "form_name" not in alone.activity["form"]


def test_labels_go_with_their_custom_fields():
    given = {"caller_number": NUMBER, "custom_size": "S", "field": {"color": "red", "fit": 1}}
    labels = {"label": {"custom_size": " Which size? ", "fit": 3}, "labels": {"color": "Colour"}}
    custom = own({**given, **labels, "form_reactor": None}).activity["form"]["custom"]
    assert [each["label"] for each in custom] == ["Which size?", "Colour", "fit"]
    assert own({**given, "label": "x"}).faults == ()


def test_what_no_name_of_ours_is_like_is_passed_over_and_said():
    given = {"caller_number": NUMBER, "primary_phone": "1", "custom_fields": {"": 1, "x" * 101: 1}}
    shown = own({**given, "custom_\x00": 1, "field": "x"})
    assert {each.field for each in shown.warnings} == {
        "primary_phone",
        "custom_fields",
        "custom_\x00",
        "field",
    }
    assert shown.activity["custom_fields"] == {}


def test_a_preview_shows_rows_where_there_are_faults_and_only_the_beginning_of_what_is_long():
    source = mapping(
        {"target": "notes", "paths": ["text"]}, {"target": "duration", "paths": ["list"]}
    )
    payload = {"phone": "x", "text": "y" * 600, "list": [{"a": "z" * 600}]}
    shown = preview(source, payload, ZONE, NOW_MS)
    assert shown.activity is None
    assert [fault.field for fault in shown.faults] == ["caller_number", "duration"]
    number, notes, duration = shown.rows
    assert (number.found, notes.value) == ("x", "y" * 600)
    assert notes.found == f"{'y' * SHOWN_CHARACTERS_MAX}…"
    assert len(duration.found) == SHOWN_CHARACTERS_MAX + 1


def test_an_activity_that_no_event_holds_is_refused():
    rows = [{"target": f"custom_{n}", "paths": ["text"]} for n in range(60)]
    payload = {"phone": "7205550123", "text": "y" * TEXT_CHARACTERS_MAX}
    shown = preview(mapping(*rows), payload, ZONE, NOW_MS)
    assert f"more than the {EVENT_BYTES_MAX}" in shown.faults[0].message
