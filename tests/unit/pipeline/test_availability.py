"""Availability: what an activity cannot have yet, phase by phase, and what it never has."""

import pytest

from pipeline.availability import AVAILABILITY, BUILT_IN, shadowed, why_absent
from pipeline.fields import activity_field
from schemas.phases import END_DELAYED, PHASE_IDS, PHASES, ROUTE
from schemas.tokens import ENHANCED_FIELDS, TOKENS

CALLS = "answered hangup update end_immediate geokey keyword"
TEXTS = "inbound_text outbound_text status_change"
BEFORE_THE_END = "starts geokey session answered update hangup end_immediate"


def absent_at(written):
    """The phases at which no activity has a field."""
    return {phase for phase in PHASE_IDS if why_absent(activity_field(written), phase)}


@pytest.mark.parametrize(
    ("written", "absent"),
    [
        ("Talk Time", f"starts answered session hangup geokey form {TEXTS}"),
        ('["talk_time"]', f"starts answered session hangup geokey form {TEXTS}"),
        ("Total Time", f"starts answered session geokey form {TEXTS}"),
        ("ring_time", f"starts geokey form {TEXTS}"),
        ("audio", f"{BEFORE_THE_END} form {TEXTS}"),
        ("transcription_text", f"{BEFORE_THE_END} form {TEXTS}"),
        ("summary", BEFORE_THE_END),
        ("sale.value", f"{BEFORE_THE_END} end form {TEXTS}"),
        ("paid.campaign", f"{BEFORE_THE_END} end form {TEXTS}"),
        ("cost", f"{BEFORE_THE_END} end form {TEXTS}"),
        ("ga.gclid", "starts"),
        ("inputs.geo_inputs", f"starts form {TEXTS}"),
        ("message_body", f"{CALLS} end form"),
        ("sms_error_code", f"{CALLS} end form starts inbound_text outbound_text"),
        ("form.form_name", f"{CALLS} starts {TEXTS}"),
        # what the user's document says is known from the start, and what nobody can know about
        ("caller_number", ""),
        ("tracking_number", ""),
        ("source", ""),
        ("direction", ""),
        ("tags", ""),
        ("custom_account_number", ""),
        ("custom_fields.talk_time", ""),
        ("some_new_field", ""),
    ],
)
def test_a_field_can_be_absent_from_whole_phases(written, absent):
    assert absent_at(written) == {*absent.split()}


def test_the_reason_says_when_a_field_comes_or_who_has_it():
    talk_time, chat = activity_field("Talk Time"), activity_field("chat_status")
    assert why_absent(talk_time, "hangup") == (
        "talk_time is not known yet at hangup: it comes with end_immediate"
    )
    assert why_absent(talk_time, "status_change") == (
        "only calls have talk_time, and there are none at status_change"
    )
    assert why_absent(chat, "form") == "only chats have chat_status, and there are none at form"
    assert why_absent(activity_field("duration"), "inbound_text") == (
        "only calls and chats have duration, and there are none at inbound_text"
    )


def test_what_a_trigger_runs_or_what_comes_late_can_have_everything():
    for late in (ROUTE, END_DELAYED):
        for row in AVAILABILITY:
            for name in row.names:
                assert why_absent(activity_field(name), late) is None


def test_the_table_speaks_of_phases_and_channels_that_exist_and_of_each_field_once():
    channels = {channel for phase in PHASES for channel in phase.channels}
    names = [name for row in AVAILABILITY for name in row.names]
    assert len(names) == len({*names})
    for row in AVAILABILITY:
        assert {row.comes_with, *row.not_yet_at} <= {*PHASE_IDS}
        assert row.channels <= channels
        assert row.comes_with not in row.not_yet_at
        for name in row.names:
            assert why_absent(activity_field(name), row.comes_with) is None


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("custom_name", "name"),
        ("custom_fields.talk_time", "talk_time"),
        ("custom_fields.sale.value", "sale"),
        ("custom_extended_lookup", "extended_lookup"),
        ("custom_account_number", None),
        ("custom_fields.account_number", None),
        ("custom_fields", None),
        ("custom_fields[0]", None),
        ("name", None),
        ("custom.name", None),
        ("[0].name", None),
    ],
)
def test_a_custom_field_shadows_a_built_in_one_of_its_name(target, name):
    assert shadowed(activity_field(target)) == name


def test_every_token_and_every_enhanced_field_is_built_in():
    assert {token.name.split(".")[0] for token in TOKENS} <= BUILT_IN
    assert {*ENHANCED_FIELDS} <= BUILT_IN
