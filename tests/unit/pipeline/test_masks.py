"""Masks: what is shown in place of secrets, and what it means when it is written back."""

import pytest

from pipeline.masks import masked, unmasked
from pipeline.requests import MASK
from schemas.codec import Fault
from tests.support.builders import a_webhook

SECRETS = {
    "headers": [{"name": "X-Key", "value": "hunter2"}, {"name": "X-Empty", "value": ""}],
    "basic_auth": {"username": "u", "password": "hunter3"},
    "signing": {"scheme": "standard", "secrets": ["whsec_" + "A" * 32, "whsec_" + "B" * 32]},
}
NOTHING = f"{MASK} keeps a secret that is there, and there is none here: write it out"


def test_every_secret_is_masked_and_nothing_else():
    webhook = a_webhook(**SECRETS)
    shown = masked(webhook)
    assert shown["headers"] == [{"name": "X-Key", "value": MASK}, {"name": "X-Empty", "value": ""}]
    assert shown["basic_auth"] == {"username": "u", "password": MASK}
    assert shown["signing"] == {"scheme": "standard", "secrets": [MASK, MASK]}
    whole = webhook.model_dump(mode="json")
    assert {name: whole[name] for name in whole if name not in SECRETS} == {
        name: shown[name] for name in shown if name not in SECRETS
    }


def test_a_webhook_without_secrets_is_shown_as_it_is():
    assert masked(a_webhook()) == a_webhook().model_dump(mode="json")


def test_what_was_read_can_be_written_back():
    webhook = a_webhook(**SECRETS)
    fields, faults = unmasked(masked(webhook), webhook)
    assert fields == webhook.model_dump(mode="json") | {
        "signing": {"scheme": "standard", "secrets": [*webhook.signing.secrets]}
    }
    assert faults == []


def test_a_masked_header_is_found_by_its_name_wherever_it_stands():
    given = {"headers": [{"name": "X-New", "value": "new"}, {"name": "x-key", "value": MASK}]}
    fields, faults = unmasked(given, a_webhook(**SECRETS))
    assert fields["headers"][1] == {"name": "x-key", "value": "hunter2"}
    assert faults == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"headers": [{"name": "X-Other", "value": MASK}]}, "headers[0].value"),
        ({"headers": [{"value": MASK}]}, "headers[0].value"),
        ({"signing": {"secrets": [MASK, MASK, MASK]}}, "signing.secrets[2]"),
    ],
)
def test_a_mask_where_there_is_no_secret_is_a_fault(given, field):
    _, faults = unmasked(given, a_webhook(**SECRETS))
    assert faults == [Fault(field, NOTHING)]


@pytest.mark.parametrize("current", [None, a_webhook()])
def test_without_secrets_every_mask_is_a_fault(current):
    _, faults = unmasked(masked(a_webhook(**SECRETS)), current)
    assert [fault.field for fault in faults] == [
        "headers[0].value",
        "basic_auth.password",
        "signing.secrets[0]",
        "signing.secrets[1]",
    ]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"headers": None, "basic_auth": None, "signing": None},
        {"headers": {}, "basic_auth": [], "signing": 3},
        {"headers": [3, {"name": 3, "value": 4}], "basic_auth": {"password": 3}},
        {"signing": {"secrets": "x"}, "basic_auth": {"password": [1]}},
    ],
)
def test_what_is_malformed_is_left_for_others_to_find(given):
    assert unmasked(given, a_webhook(**SECRETS)) == (given, [])
