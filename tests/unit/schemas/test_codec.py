import json

import pytest

from schemas.codec import (
    DEPTH_MAX,
    FAULTS_MAX,
    Fault,
    Malformed,
    decode,
    encode,
    parse_json,
    validate,
)
from schemas.config import read_config
from schemas.event import read_event
from schemas.failure import Failure
from schemas.filter import Filter
from schemas.job import Job
from schemas.webhook import Webhook
from tests.support.builders import (
    a_failure,
    a_job,
    a_trigger,
    a_webhook,
    an_account,
    an_attempt,
    an_event,
)
from tests.support.faults import faults_of


def test_every_fault_of_a_document_is_reported_at_once_with_its_path():
    faults = faults_of(
        a_webhook,
        url="ftp://crm.example.com",
        position="ended_maybe",
        headers=[{"name": "X-Ok", "value": "1"}, {"name": "no blanks", "value": "1"}],
        retry={"schedule": ["5s", "7s"]},
        colour="blue",
    )

    assert sorted(faults) == [
        "colour",
        "headers[1].name",
        "position",
        "retry.schedule[1]",
        "url",
    ]
    assert faults["colour"] == "unknown field"


def test_a_rule_that_spans_fields_reports_the_field_to_mend():
    rules = {"all": [{"field": "talk_time", "op": "eq"}]}

    assert faults_of(a_webhook, filter=rules) == {"filter.all[0].value": "eq needs one"}


def test_a_fault_inside_an_action_has_the_path_that_was_written():
    faults = faults_of(
        a_trigger, actions=[{"type": "text", "to": ["5550100"]}, {"type": "email", "to": []}]
    )

    assert sorted(faults) == ["actions[0].to[0]", "actions[1].to"]
    assert faults["actions[1].to"] == "must not be empty"


def test_a_value_of_no_accepted_type_is_one_fault_and_not_one_per_type():
    rules = {"all": [{"field": "talk_time", "op": "eq", "value": {"at least": 3}}]}

    faults = faults_of(a_webhook, filter=rules)

    assert list(faults) == ["filter.all[0].value"]


def test_a_list_emptied_by_the_faults_of_its_items_is_not_reported_again():
    assert list(faults_of(a_webhook, filter={"any": [{"all": []}]})) == ["filter.any[0].all"]


def test_a_document_that_is_wrong_from_end_to_end_is_answered_with_a_bounded_list():
    unknown = {f"field_{number}": number for number in range(FAULTS_MAX * 2)}

    assert len(faults_of(a_webhook, **unknown)) == FAULTS_MAX


def test_a_pair_with_something_missing_is_a_fault_at_the_missing_place():
    faults = faults_of(an_attempt, response={"status": 200, "headers": [["server"]]})

    assert list(faults) == ["response.headers[0][1]"]


def test_an_item_of_another_type_is_refused_although_its_list_is_read_into_a_tuple():
    assert list(faults_of(a_trigger, actions=[{"type": "email", "to": [5]}])) == [
        "actions[0].to[0]"
    ]


def test_a_document_of_another_type_is_a_fault_of_the_whole():
    assert faults_of(decode, Webhook, b"[]") == {"": "must be an object"}


def test_a_fault_of_the_whole_is_said_without_a_field():
    assert str(Fault("", "not JSON")) == "not JSON"
    assert str(Fault("url", "required")) == "url: required"


def nested(levels: int) -> bytes:
    """An event whose activity makes it `levels` deep."""
    lists = levels - 2
    value = b"[" * lists + b"]" * lists
    return b'{"account_id":25,"phase":"end","activity":{"id":1,"deep":' + value + b"}}"


def test_an_event_nested_to_the_limit_is_read_and_written_again():
    event = read_event(nested(DEPTH_MAX))

    assert read_event(encode(event)) == event


def test_what_wraps_the_deepest_event_can_be_read_again_too():
    failure = a_failure(job=a_job(event=read_event(nested(DEPTH_MAX))))

    assert decode(Failure, encode(failure)) == failure


def test_an_event_nested_one_level_deeper_is_refused():
    assert faults_of(read_event, nested(DEPTH_MAX + 1)) == {
        "": f"nested deeper than {DEPTH_MAX} levels"
    }


@pytest.mark.parametrize("levels", [190, 10_000, 500_000])
def test_no_nesting_is_too_deep_to_be_refused(levels):
    assert faults_of(parse_json, b"[" * levels + b"]" * levels)


@pytest.mark.parametrize(
    "number",
    [
        *("4294967297", "9007199254740993", "18446744073709551616", "-" + "9" * 4_300),
        *("0.1", "85.0", "123456789.12345679", "5e-324", "1.7976931348623157e+308"),
    ],
)
def test_numbers_keep_their_type_and_digits(number):
    data = b'{"account_id":25,"phase":"end","activity":{"id":1,"n":%s}}' % number.encode()

    written = encode(read_event(data)).decode()

    assert f'"n":{number}' in written.replace("e308", "e+308")


@pytest.mark.parametrize(
    "number",
    ["NaN", "Infinity", "-Infinity", "1e400", "-1E+400", "9" * 400 + ".0", "9" * 250 + "e99"],
)
def test_a_number_that_no_double_holds_is_refused_and_never_becomes_null(number):
    data = b'{"account_id":25,"phase":"end","activity":{"id":1,"n":[{"x":%s}]}}' % number.encode()

    assert list(faults_of(read_event, data)) == [""]


def test_a_large_exponent_that_fits_is_read():
    assert parse_json(b'[{"a":1e300},2,"x"]') == [{"a": 1e300}, 2, "x"]


def test_an_integer_beyond_all_reason_is_malformed_rather_than_slow():
    assert list(faults_of(parse_json, b"9" * 100_000)) == [""]


def test_headers_come_back_as_they_were_sent():
    attempt = an_attempt(response={"status": 200, "headers": [["server", "nginx"]]})

    assert attempt.response.headers == (("server", "nginx"),)
    assert decode(type(attempt), encode(attempt)) == attempt


def test_records_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        an_account().name = "Boulder Doors"


def test_a_filter_of_one_group_is_the_same_as_a_list_of_that_group():
    rules = [{"field": "source", "op": "eq", "value": "Google Ads"}]

    single = decode(Filter, b'{"all":[{"field":"source","op":"eq","value":"Google Ads"}]}')

    assert single == Filter.model_validate({"any": [{"all": rules}]})


def test_an_event_in_its_own_encoding_is_the_same_event():
    assert read_event(encode(an_event())) == an_event()


def test_fields_of_another_version_are_passed_over_in_what_we_wrote_ourselves():
    written = json.loads(encode(a_job()))
    written["added_later"] = 1
    written["event"]["added_later"] = {"deep": True}

    assert decode(Job, json.dumps(written).encode()) == a_job()
    with pytest.raises(Malformed, match="added_later: unknown field"):
        validate(Job, written)


def test_a_configuration_record_of_another_version_is_no_deletion():
    written = json.loads(encode(a_webhook())) | {"added_later": 1}

    assert read_config(b"25/webhook/crm", json.dumps(written).encode()) == a_webhook()
