"""Keys for secrets, as they are written, and what is said of those that are wrong."""

import base64

import pytest

from pipeline.secret_keys import SecretKey, parse_keys, written
from pipeline.settings import ConfigError, Settings

ONE, TWO = SecretKey("one", b"1" * 32), SecretKey("two-2", bytes(range(32)))


def test_keys_are_read_in_their_order_as_they_are_written():
    assert parse_keys(written(ONE, TWO)) == (ONE, TWO)
    assert parse_keys(f"\n{written(TWO)}\n{written(ONE)} , \n") == (TWO, ONE)
    assert parse_keys("") == ()


def test_the_url_alphabet_of_base64_is_read_too():
    key = bytes([0xFB, 0xFF] * 16)
    assert parse_keys("k:" + base64.urlsafe_b64encode(key).decode()) == (SecretKey("k", key),)


def test_a_key_is_not_shown_with_its_value():
    assert repr(ONE) == str(ONE) == "SecretKey(id='one')"
    assert base64.b64encode(ONE.key).decode() not in repr(Settings(secret_keys=written(ONE)))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("QUJD" * 11, "key 1: must be an id of A-Z a-z 0-9 _ -, a colon, and 32 bytes in base64"),
        ("k:", "key 1: must be an id"),
        ("k:QUJ", "key 1: what follows k: is not base64"),
        ("k:" + "QUJD" * 8, "key 1: k must have 32 bytes, not 24"),
        (written(ONE, ONE), "key 2: an earlier key has the id one too"),
        (f"{'k' * 33}:QUJD", "key 1: must be an id"),
    ],
)
def test_a_wrong_key_is_told_by_its_number_without_quoting_it(text, fault):
    with pytest.raises(ConfigError) as caught:
        Settings.parse({"HOOKLINE_SECRET_KEYS": text})
    (found,) = caught.value.faults
    assert found.field == "HOOKLINE_SECRET_KEYS"
    assert found.message.startswith(fault)
    assert "QUJD" not in found.message
    assert base64.b64encode(ONE.key).decode() not in found.message


def test_all_wrong_keys_are_told_at_once():
    with pytest.raises(ValueError, match=r"^key 1: .*; key 3: "):
        parse_keys(f"x,{written(ONE)},y")
