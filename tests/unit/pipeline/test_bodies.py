"""What a webhook sends: the activity, a link to it, what a template makes of it, or nothing."""

import json
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import pytest

from pipeline.bodies import JSON, body_for
from pipeline.templates import RenderError
from tests.support.builders import a_webhook, an_account, an_activity, an_event

URL = "https://hookline.example/"
HOSTILE = 'q" n\n \u2028 \0 \U0001f600 \u202e </a>&amp;{{id}} \\'


def body_of(activity=None, account=None, **webhook):
    event = an_event(activity=activity or an_activity())
    return body_for(a_webhook(**webhook), account or an_account(), event, public_url=URL)


def rendered(template, content_type=JSON, activity=None, account=None):
    form = {"kind": "mustache", "template": template, "content_type": content_type}
    return body_of(activity, account, format=form)


def test_log_data_is_the_activity_in_json_with_ids_money_and_letters_as_they_came():
    activity = an_activity(id=2**70, sale={"value": "12.50"}, note="Grüße \U0001f600", rate=1e22)
    body = body_of(activity)
    assert body.content_type == JSON
    assert '"id":1180591620717411303424' in body.text
    assert '"value":"12.50"' in body.text
    assert "Grüße \U0001f600" in body.text


def test_a_resource_link_says_where_the_activity_can_be_read():
    body = body_of(an_activity(id="a/b"), body_type="resource_link")
    assert body.content_type == JSON
    assert json.loads(body.text) == {
        "resource_url": "https://hookline.example/api/v1/accounts/25/calls/a%2Fb.json"
    }


def test_a_pixel_has_no_body():
    body = body_of(body_type="pixel")
    assert (body.text, body.content_type) == ("", None)


def test_a_template_has_the_activity_as_its_context_and_the_accounts_snippets():
    account = an_account(snippets={"who": "{{caller_number}}"})
    body = rendered('{"who": "{{>who}}", "s": {{{talk_time}}}}', account=account)
    assert json.loads(body.text) == {"who": "+17205550123", "s": 42}


@pytest.mark.parametrize("entitled", [True, False])
def test_enhanced_fields_are_there_for_those_who_have_them(entitled):
    account = an_account(features={"enhanced_caller_id": entitled})
    activity = an_activity(extended_lookup={"first_name": "Ann"})
    body = rendered("{{extended_lookup.first_name}}", "text/plain", activity, account)
    assert body.text == ("Ann" if entitled else "")


@pytest.mark.parametrize(
    "written", [{"custom_account": "A-17"}, {"custom_fields": {"account": "A-17"}}]
)
def test_a_custom_field_goes_by_both_of_its_names_in_a_template(written):
    body = rendered(
        "{{custom_account}} {{custom_fields.account}}", "text/plain", written | {"id": 1}
    )
    assert body.text == "A-17 A-17"


def test_a_custom_field_takes_no_built_ins_place():
    activity = an_activity(custom_fields={"x": "inside"}, custom_x="outside")
    body = rendered("{{custom_x}} {{custom_fields.x}}", "text/plain", activity)
    assert body.text == "outside inside"


def test_a_template_whose_result_is_no_json_is_an_error_with_its_place():
    with pytest.raises(RenderError, match=r"line 2, column \d+"):
        rendered('{"a":\n oops}')


@pytest.mark.parametrize(
    ("content_type", "template", "read"),
    [
        (JSON, '{"v": "{{v}}"}', lambda text: json.loads(text)["v"]),
        (JSON, '{"v": {{{v}}}}', lambda text: json.loads(text)["v"]),
        ("application/x-www-form-urlencoded", "v={{v}}&w=1", lambda t: dict(parse_qsl(t))["v"]),
        ("text/plain", "{{v}}", str),
    ],
)
def test_a_hostile_value_arrives_as_it_is_whatever_the_body(content_type, template, read):
    body = rendered(template, content_type, an_activity(v=HOSTILE))
    assert read(body.text) == HOSTILE


def test_a_hostile_value_arrives_in_xml_without_what_xml_forbids():
    body = rendered("<a><b>{{v}}</b></a>", "application/xml", an_activity(v=HOSTILE))
    parsed = ET.fromstring(body.text)  # noqa: S314 - our own text, to be read by another's parser
    assert parsed[0].text == HOSTILE.replace("\0", "\ufffd")


DEEP: list = ["at the bottom"]
for _ in range(50):
    DEEP = [DEEP]
HOSTILE_VALUES = [HOSTILE, "x" * 1_000_000, DEEP, 2**53 + 1, -(2**70), 1e-7, True, None, {"a": {}}]


@pytest.mark.parametrize("value", HOSTILE_VALUES, ids=lambda value: type(value).__name__)
def test_every_kind_of_value_arrives_whole_in_json(value):
    activity = an_activity(v=value)
    assert json.loads(body_of(activity).text)["v"] == value
    assert json.loads(rendered('{"v": {{{v}}}}', activity=activity).text)["v"] == value


@pytest.mark.parametrize("value", ["x" * 1_000_000, 2**53 + 1, -(2**70)])
def test_long_texts_and_large_numbers_arrive_whole_in_forms_and_xml(value):
    activity = an_activity(v=value)
    form = rendered("v={{v}}", "application/x-www-form-urlencoded", activity)
    assert dict(parse_qsl(form.text))["v"] == str(value)
    parsed = ET.fromstring(rendered("<v>{{v}}</v>", "text/xml", activity).text)  # noqa: S314 - ours
    assert parsed.text == str(value)


def test_a_body_of_more_than_a_mebibyte_is_refused_by_its_template():
    with pytest.raises(RenderError, match="1048576"):
        rendered('{"v": "{{v}}{{v}}"}', activity=an_activity(v="x" * 700_000))
