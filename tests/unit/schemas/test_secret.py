"""Secrets of a webhook as they may be written: plain, by the rules of their field, or sealed."""

import jsonschema
import pytest

from schemas.json_schemas import json_schema
from tests.support.builders import a_webhook
from tests.support.faults import faults_of

SEALED = "sealed:k1:QUJDREVGR0hJSktM"
STANDARD = "whsec_" + "QUJD" * 8


def with_password(text):
    return a_webhook(basic_auth={"username": "u", "password": text})


def with_header(text):
    return a_webhook(headers=[{"name": "X-Key", "value": text}])


def with_signing(text, scheme="standard"):
    return a_webhook(signing={"scheme": scheme, "secrets": [text]})


PLACES = [with_password, with_header, with_signing]


@pytest.mark.parametrize("place", PLACES)
def test_a_sealed_text_may_stand_where_a_plain_one_does(place):
    webhook = place(SEALED)
    jsonschema.validate(webhook.model_dump(mode="json"), json_schema("webhook"))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "text",
    [
        *("sealed:", "sealed:k1", "sealed::QUJD", "sealed:k1:", "sealed:k 1:QUJD"),
        *("sealed:k1:QUJD\n", "sealed:k1:QUJD:", f"sealed:{'k' * 33}:QUJD", SEALED * 500),
    ],
)
def test_what_only_begins_like_a_sealed_text_is_refused(place, text):
    (message,) = faults_of(lambda: place(text)).values()
    assert message == "what begins with sealed: must go on with a key's id and base64"


@pytest.mark.parametrize("text", ["s", "any printable text", "Schlüssel 🔑", "x" * 200, STANDARD])
def test_a_ctm_secret_is_any_printable_text(text):
    assert with_signing(text, "ctm").signing.secrets == (text,)


@pytest.mark.parametrize("text", ["", "two\nlines", "\x00", "x" * 201])
def test_any_other_ctm_secret_is_refused(text):
    assert list(faults_of(lambda: with_signing(text, "ctm"))) == ["signing.secrets[0]"]


def test_the_ctm_scheme_takes_just_one_secret():
    assert faults_of(lambda: a_webhook(signing={"scheme": "ctm", "secrets": ["a", "b"]})) == {
        "signing.secrets": "ctm signs with one secret only"
    }
    assert faults_of(lambda: a_webhook(signing={"scheme": "ctm"})) == {
        "signing.secrets": "ctm needs at least one"
    }


def test_an_unknown_scheme_is_the_only_fault_of_secrets_that_may_be_right():
    assert list(faults_of(lambda: with_signing("any text", "rot13"))) == ["signing.scheme"]


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_a_string(place):
    (message,) = faults_of(lambda: place(7)).values()
    assert message == "must be a string"
