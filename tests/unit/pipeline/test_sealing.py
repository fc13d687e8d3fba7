"""Secrets of a webhook: each is sealed to its place, and opens nowhere else."""

import itertools

import pytest

from pipeline.sealing import (
    has_sealed_secrets,
    has_secrets,
    opened,
    seal,
    sealed_anew,
    sealed_like,
    secrets_of,
    unseal,
)
from pipeline.secret_keys import SecretKey
from schemas.codec import Malformed, decode, encode
from schemas.webhook import Webhook
from tests.support.builders import a_webhook

OLD, NEW = SecretKey("old", b"o" * 32), SecretKey("new", b"n" * 32)
SIGNING = "whsec_" + "QUJD" * 8
OTHER = "whsec_" + "RUZH" * 8


def draw():
    """A source of nonces that never repeats."""
    return (n.to_bytes(12, "big") for n in itertools.count()).__next__


def with_secrets(**overrides):
    return a_webhook(
        headers=[{"name": "X-Key", "value": "k-1"}, {"name": "X-Empty", "value": ""}],
        basic_auth={"username": "u", "password": "pässword"},
        signing={"scheme": "standard", "secrets": [SIGNING, OTHER]},
        **overrides,
    )


def sealed(webhook, key=NEW):
    return sealed_like(webhook, None, (key,), draw())


def texts(webhook):
    return {secret.path: secret.text for secret in secrets_of(webhook)}


def test_a_sealed_webhook_shows_none_of_its_secrets_and_opens_to_what_it_was():
    webhook = with_secrets()
    closed = sealed(webhook)
    assert all(text == "" or text.startswith("sealed:new:") for text in texts(closed).values())
    assert opened(closed, (OLD, NEW)) == webhook


def test_a_sealed_webhook_is_a_record_like_any_other():
    closed = sealed(with_secrets())
    assert decode(Webhook, encode(closed)) == closed


def test_an_empty_text_is_no_secret():
    empty = a_webhook(
        headers=[{"name": "X-Empty", "value": ""}], basic_auth={"username": "u", "password": ""}
    )
    assert not has_secrets(empty)
    assert sealed(empty) is empty
    assert not has_sealed_secrets(empty)


def test_what_is_not_sealed_needs_no_key():
    webhook = with_secrets()
    assert opened(webhook, ()) is webhook


def test_some_may_be_sealed_and_some_not():
    webhook = with_secrets()
    auth = sealed(webhook).basic_auth
    mixed = webhook.model_copy(update={"basic_auth": auth})
    assert opened(mixed, (NEW,)) == webhook


@pytest.mark.parametrize("elsewhere", [{"account_id": 26}, {"id": "other"}])
def test_a_secret_that_was_moved_to_another_webhook_does_not_open(elsewhere):
    moved = sealed(with_secrets()).model_copy(update=elsewhere)
    with pytest.raises(Malformed) as caught:
        opened(moved, (NEW,))
    assert len(caught.value.faults) == 4
    assert "brought here from another place" in caught.value.faults[0].message


def test_a_secret_that_was_moved_to_another_header_does_not_open():
    (header, _) = sealed(with_secrets()).headers
    with pytest.raises(Malformed, match="does not open it"):
        opened(a_webhook(headers=[{"name": "X-Other", "value": header.value}]), (NEW,))
    assert opened(a_webhook(headers=[{"name": "x-KEY", "value": header.value}]), (NEW,))


def test_a_password_does_not_open_as_a_header():
    closed = sealed(with_secrets())
    moved = a_webhook(headers=[{"name": "X-Key", "value": closed.basic_auth.password}])
    with pytest.raises(Malformed, match="does not open it"):
        opened(moved, (NEW,))


def test_headers_and_signing_secrets_may_change_their_order():
    webhook = with_secrets()
    closed = sealed(webhook)
    turned = closed.model_copy(
        update={
            "headers": closed.headers[::-1],
            "signing": closed.signing.model_copy(update={"secrets": closed.signing.secrets[::-1]}),
        }
    )
    assert opened(turned, (NEW,)).signing.secrets == (OTHER, SIGNING)
    assert opened(turned, (NEW,)).headers == webhook.headers[::-1]


def test_every_secret_that_cannot_be_opened_is_told_with_the_key_it_needs():
    with pytest.raises(Malformed) as caught:
        opened(sealed(with_secrets()), (OLD,))
    assert [fault.field for fault in caught.value.faults] == [
        *("headers[0].value", "basic_auth.password"),
        *("signing.secrets[0]", "signing.secrets[1]"),
    ]
    assert {fault.message for fault in caught.value.faults} == {
        "it is sealed with the key new, which is not known here"
    }


@pytest.mark.parametrize("text", ["sealed:new:QUJDRA==", "sealed:new:QUJDR"])
def test_what_is_too_short_or_no_base64_does_not_open(text):
    with pytest.raises(ValueError, match="does not open it"):
        unseal(text, (NEW,), "here")


def test_a_secret_of_another_signing_scheme_is_refused_when_it_is_opened():
    ctm = sealed(a_webhook(signing={"scheme": "ctm", "secrets": ["any text"]}))
    standard = ctm.model_copy(
        update={"signing": ctm.signing.model_copy(update={"scheme": "standard"})}
    )
    with pytest.raises(Malformed) as caught:
        opened(standard, (NEW,))
    assert [str(it) for it in caught.value.faults] == ["signing.secrets[0]: must begin with whsec_"]


def test_unchanged_secrets_keep_their_sealed_texts_whichever_key_they_have():
    current = sealed(with_secrets(), OLD)
    wanted = with_secrets(name="Renamed")
    again = sealed_like(wanted, current, (NEW, OLD), draw())
    assert texts(again) == texts(current)
    assert again.name == "Renamed"


def test_only_the_secret_that_changed_is_sealed_anew():
    current = sealed(with_secrets(), OLD)
    changed = with_secrets().model_copy(
        update={"basic_auth": with_secrets().basic_auth.model_copy(update={"password": "new"})}
    )
    again = sealed_like(changed, current, (NEW, OLD), draw())
    assert again.basic_auth.password.startswith("sealed:new:")
    assert again.headers == current.headers
    assert again.signing == current.signing


def test_a_plain_secret_on_record_is_sealed_although_it_is_the_same():
    again = sealed_like(with_secrets(), with_secrets(), (NEW,), draw())
    assert opened(again, (NEW,)) == with_secrets()
    assert again != with_secrets()


def test_what_nobody_can_open_any_more_is_replaced():
    lost = sealed(with_secrets(), OLD)
    again = sealed_like(with_secrets(), lost, (NEW,), draw())
    assert opened(again, (NEW,)) == with_secrets()


def test_a_sealed_text_that_is_wanted_must_open():
    closed = sealed(with_secrets(), OLD)
    assert sealed_like(closed, closed, (NEW, OLD), draw()) == closed
    with pytest.raises(Malformed):
        sealed_like(closed, closed, (NEW,), draw())


def test_sealing_anew_takes_the_first_key_and_leaves_alone_what_has_it():
    old = sealed(with_secrets(), OLD)
    new = sealed_anew(old, (NEW, OLD), draw())
    assert new != old
    assert opened(new, (NEW,)) == with_secrets()
    assert sealed_anew(new, (NEW, OLD), draw()) is new
    assert opened(sealed_anew(with_secrets(), (NEW,), draw()), (NEW,)) == with_secrets()


def test_sealing_anew_finds_what_cannot_be_opened_also_under_the_first_key():
    lost = sealed(with_secrets(), SecretKey("new", b"?" * 32))
    with pytest.raises(Malformed):
        sealed_anew(lost, (NEW,), draw())


def test_the_longest_secrets_still_fit_when_they_are_sealed():
    longest = a_webhook(
        headers=[{"name": "X" * 200, "value": "v" * 4_096}],
        basic_auth={"username": "u", "password": "\U0001f511" * 255},
        signing={"scheme": "ctm", "secrets": ["\U0001f511" * 200]},
    )
    key = SecretKey("k" * 32, b"k" * 32)
    closed = sealed(longest, key)
    assert opened(decode(Webhook, encode(closed)), (key,)) == longest


def test_the_same_text_is_never_sealed_to_the_same_bytes():
    one, two = (seal("text", NEW, "here", nonce=bytes([n]) * 12) for n in (1, 2))
    assert one != two
    assert unseal(one, (NEW,), "here") == unseal(two, (NEW,), "here") == "text"
