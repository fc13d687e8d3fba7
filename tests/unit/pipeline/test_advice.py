"""Warnings: what is allowed and hardly meant, each at its place in the document."""

import pytest

from pipeline.advice import warnings_about
from pipeline.configs import Configs
from pipeline.documents import read_document
from tests.support.builders import a_webhook, an_account
from tests.support.configs import configs_of

URL = "https://crm.example.com/in"
WEBHOOK = {"id": "crm", "name": "CRM", "position": "end", "url": URL}
SOURCE = {"id": "web", "name": "Web"}
PLACE = "accounts[0].webhooks[0]"


def warned(configs=None, *, prune=False, **account):
    """The warnings about a document with one account, as text."""
    accounts = [{"id": 25, "name": "Denver Doors", **account}]
    document = read_document({"accounts": accounts}, allow_http=True)
    assert document.faults == []
    return [str(each) for each in warnings_about(document, configs or Configs(), prune=prune)]


def warned_of(features=None, **webhook):
    return warned(webhooks=[{**WEBHOOK, **webhook}], features=features or {})


def filtered(field, op="eq", value="x", **webhook):
    rule = {"field": field, "op": op, **({} if op == "not_set" else {"value": value})}
    return warned_of(filter={"all": [rule]}, **webhook)


def test_an_ordinary_document_is_not_warned_about():
    url = "https://crm.example.com/?id={{id}}&name={{name}}&talked={{talk_time}}&c={{custom_x}}"
    rule = {"field": "Talk Time", "op": "gte", "value": 30}
    assert warned_of(url=url, filter={"all": [rule]}) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com/in",
        "https://CRM.example.com:443/in",
        "https://crm.example.com/in#part",
    ],
)
def test_two_webhooks_with_the_same_url_are_warned_about(url):
    assert warned(webhooks=[WEBHOOK, {**WEBHOOK, "id": "b", "url": url}]) == [
        "accounts[0].webhooks[0].url: the same URL is used by b: give each its own",
        "accounts[0].webhooks[1].url: the same URL is used by crm: give each its own",
    ]


def test_urls_that_differ_in_their_tokens_only_are_the_same():
    by_id, by_name = f"{URL}?x={{{{id}}}}", f"{URL}?x={{{{ name }}}}"
    both = [{**WEBHOOK, "url": by_id}, {**WEBHOOK, "id": "b", "url": by_name}]
    assert len(warned(webhooks=both)) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example.com/other",
        "https://crm.example.com/in?x=1",
        "https://crm.example.com/in?x={{id}}",
        "https://crm.example.com:8443/in",
        "http://crm.example.com/in",
    ],
)
def test_different_urls_are_not_warned_about(url):
    assert warned(webhooks=[WEBHOOK, {**WEBHOOK, "id": "b", "url": url}]) == []


def test_the_url_of_a_configured_webhook_counts_too_unless_it_is_about_to_go():
    there = configs_of(an_account(), a_webhook(url=URL), a_webhook(id="old", url=URL))
    assert warned(there, webhooks=[WEBHOOK]) == [
        f"{PLACE}.url: the same URL is used by old: give each its own"
    ]
    assert warned(there, webhooks=[WEBHOOK], prune=True) == []
    elsewhere = configs_of(a_webhook(id="old", account_id=26, url=URL))
    assert warned(elsewhere, webhooks=[WEBHOOK]) == []


def test_a_rule_over_what_is_not_known_yet_is_warned_about():
    rules = [
        {"field": "source", "op": "eq", "value": "Google Ads"},
        {"field": "Talk Time", "op": "gte", "value": 30},
    ]
    groups = {"any": [{"all": rules[:1]}, {"all": rules}]}
    assert warned_of(position="start", filter=groups) == [
        (
            f"{PLACE}.filter.any[1].all[1].field: talk_time is not known yet at starts: "
            "it comes with end_immediate, so the rule never holds"
        )
    ]
    assert warned_of(position="end", filter=groups) == []


def test_a_rule_that_always_holds_is_warned_about_as_such():
    (warning,) = filtered("sale.value", "not_set", position="starts")
    assert warning.endswith(
        "sale.value is not known yet at starts: it comes with sale, so the rule always holds"
    )


def test_a_rule_over_what_another_channel_has_is_warned_about():
    (warning,) = filtered("message_body", "contains", "price", position="end")
    assert warning.endswith(
        "only texts have message_body, and there are none at end, so the rule never holds"
    )


def test_a_token_for_what_is_not_known_yet_is_warned_about_once():
    url = f"{URL}?audio={{{{audio}}}}&again={{{{ audio }}}}&n={{{{caller_number}}}}"
    assert warned_of(position="end_immedite", url=url) == [
        (
            f"{PLACE}.url: audio is not known yet at end_immediate: it comes with end, "
            "so it will be empty"
        )
    ]
    assert warned_of(position="end_delayed", url=url) == []


def test_a_pixels_variables_are_tokens_too():
    url = f"{URL}?sold=:sale_value&id=:callid"
    assert warned_of(position="end", url=url, body_type="pixel") == [
        f"{PLACE}.url: sale.value is not known yet at end: it comes with sale, so it will be empty"
    ]
    assert warned_of(position="sale", url=url, body_type="pixel") == []
    assert warned_of(position="end", url=url) == []


def test_enhanced_tokens_without_the_entitlement_are_warned_about():
    url = f"{URL}?first={{{{extended_lookup.first_name}}}}"
    assert warned_of(url=url) == [
        (
            f"{PLACE}.url: extended_lookup.first_name needs enhanced_caller_id, a feature that the "
            "account does not have, so it will be empty"
        )
    ]
    assert warned_of({"enhanced_caller_id": True}, url=url) == []


def test_a_mapping_that_can_take_nothing_in_is_warned_about():
    rows = [{"target": "name", "paths": ["who"]}]
    assert warned(sources=[{**SOURCE, "mapping": rows}]) == [
        (
            "accounts[0].sources[0].mapping: no row fills caller_number, so every request is "
            "rejected: see allow_no_phone"
        )
    ]
    assert warned(sources=[{**SOURCE, "mapping": rows, "allow_no_phone": True}]) == []
    assert warned(sources=[SOURCE]) == []


@pytest.mark.parametrize("target", ["custom_caller_number", "custom_fields.caller_number"])
def test_a_custom_field_named_as_a_built_in_one_is_warned_about(target):
    fine = ["caller_number", "custom_account_number", "custom_fields.order_number"]
    mapping = [{"target": each, "paths": ["x"]} for each in [*fine, target]]
    assert warned(sources=[{**SOURCE, "mapping": mapping}]) == [
        (
            "accounts[0].sources[0].mapping[3].target: a custom field had better not be called "
            "caller_number, as a built-in one is: {{caller_number}} is that one, and "
            "{{custom_caller_number}} is this"
        )
    ]


def templated(template, snippets=None, features=None, **webhook):
    written = {**WEBHOOK, "format": {"kind": "mustache", "template": template}, **webhook}
    return warned(webhooks=[written], features=features or {}, snippets=snippets or {})


EARLY = "is not known yet at starts: it comes with"


def test_what_a_template_names_too_early_is_warned_about():
    template = (
        '{"id": {{{id}}}, "s": {{{talk_time}}} {{^audio}}, "v": {{{sale.value}}}{{/audio}}'
        ', "all": "{{.}}"}'
    )
    assert templated(template, position="starts") == [
        f"{PLACE}.format.template: talk_time {EARLY} end_immediate, so it will be empty",
        f"{PLACE}.format.template: audio {EARLY} end, so it will be empty",
        f"{PLACE}.format.template: sale.value {EARLY} sale, so it will be empty",
    ]
    assert templated(template, position="end_delayed") == []


def test_names_inside_of_a_section_may_be_its_own():
    assert templated("{{#legs}}{{duration}} {{sale}}{{/legs}}", position="starts") == []
    assert templated("{{#sale}}{{value}}{{/sale}}", position="starts") == [
        f"{PLACE}.format.template: sale {EARLY} sale, so it will be empty"
    ]


def test_snippets_are_looked_into_once_and_named_when_missing():
    snippets = {
        "head": "{{>loop}}{{duration}}",
        "loop": "{{>loop}}{{>head}}{{>gone}}",
        "unused": "{{audio}}",
    }
    assert templated("{{>head}}{{>head}}", snippets, position="starts") == [
        f"{PLACE}.format.template: duration {EARLY} hangup, so it will be empty",
        f"{PLACE}.format.template: there is no snippet 'gone': nothing will stand for it",
    ]


def test_an_enhanced_name_in_a_template_needs_the_entitlement_too():
    template = "{{extended_lookup.city}} {{a-b.c/d}}"
    (warning,) = templated(template)
    assert "extended_lookup.city needs enhanced_caller_id" in warning
    assert templated(template, features={"enhanced_caller_id": True}) == []


def test_a_time_series_names_no_field():
    assert warned_of(format={"kind": "timeseries_7d"}) == []
