import pytest

from schemas.codec import encode
from schemas.config import CONFIG_KINDS, key_of, read_config, read_key
from tests.support.builders import (
    a_key,
    a_replay,
    a_rerun,
    a_source,
    a_trigger,
    a_webhook,
    an_account,
)
from tests.support.faults import faults_of

CONFIGS = [an_account(), a_webhook(), a_trigger(), a_source(), a_key(), a_rerun(), a_replay()]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_a_record_is_found_again_under_its_key(config):
    key = str(key_of(config)).encode()

    assert read_config(key, encode(config)) == config


def test_every_kind_is_tried_here():
    assert {config.kind for config in CONFIGS} == CONFIG_KINDS.keys()


def test_keys_name_the_account_the_kind_and_the_id():
    assert str(key_of(a_webhook())) == "25/webhook/crm"
    assert str(key_of(an_account())) == "25/account/25"


@pytest.mark.parametrize(
    "key",
    [
        *(None, b"", b"25", b"25/webhook", b"25/webhook/", b"/webhook/crm", b"25/lunch/crm"),
        *(b"25/webhook/crm/2", b"-1/webhook/crm", b"x/webhook/crm", b"\xff/webhook/crm"),
        *(b"25/webhook/Cr M", b"25/webhook/crm\n", b"9" * 5_000 + b"/webhook/crm"),
    ],
)
def test_a_key_of_another_form_is_malformed(key):
    assert "must be account/kind/id" in faults_of(read_key, key)["key"]


@pytest.mark.parametrize("key", ["025/webhook/crm", "٢٥/webhook/crm", "0/webhook/crm"])
def test_a_record_has_one_key_and_no_second_spelling_of_it(key):
    assert "must be account/kind/id" in faults_of(read_key, key.encode())["key"]


@pytest.mark.parametrize("key", [b"26/webhook/crm", b"25/webhook/erp"])
def test_a_record_under_the_key_of_another_is_malformed(key):
    message = faults_of(read_config, key, encode(a_webhook()))["key"]

    assert message == f"{key.decode()} holds the record of 25/webhook/crm"
