"""Sealing over any text: it comes back at its place with its key, and nowhere else."""

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.sealing import seal, unseal
from pipeline.secret_keys import SecretKey

keys = st.binary(min_size=32, max_size=32).map(lambda key: SecretKey("k", key))
nonces = st.binary(min_size=12, max_size=12)
secrets = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(key=keys, nonce=nonces, text=secrets, place=secrets)
def test_what_is_sealed_opens_to_what_it_was(key, nonce, text, place):
    assert unseal(seal(text, key, place, nonce=nonce), (key,), place) == text


@given(key=keys, nonce=nonces, text=secrets, place=secrets, other=secrets)
def test_what_is_moved_does_not_open(key, nonce, text, place, other):
    assume(place != other)
    with pytest.raises(ValueError, match="does not open it"):
        unseal(seal(text, key, place, nonce=nonce), (key,), other)


@given(key=keys, other=keys, nonce=nonces, text=secrets)
def test_another_key_of_the_same_id_does_not_open_it(key, other, nonce, text):
    assume(key != other)
    with pytest.raises(ValueError, match="does not open it"):
        unseal(seal(text, key, "here", nonce=nonce), (other,), "here")


@given(key=keys, nonce=nonces, text=secrets, data=st.data())
def test_one_bit_changed_anywhere_is_noticed(key, nonce, text, data):
    sealed = seal(text, key, "here", nonce=nonce)
    head, _, encoded = sealed.rpartition(":")
    content = bytearray(base64.b64decode(encoded))
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ValueError, match="does not open it"):
        unseal(f"{head}:{base64.b64encode(content).decode()}", (key,), "here")
