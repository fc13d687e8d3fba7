"""Secrets of sources: sealed, shown and written back as those of webhooks are."""

import pytest

from pipeline.changes import plan_changes
from pipeline.masks import masked, unmasked
from pipeline.requests import MASK
from pipeline.sealing import (
    has_sealed_secrets,
    has_secrets,
    opened,
    sealed_anew,
    sealed_like,
    secrets_of,
)
from pipeline.secret_keys import SecretKey
from schemas.codec import Malformed, decode, encode
from schemas.source import Source
from tests.support.builders import a_source, a_webhook
from tests.support.configs import configs_of

KEYS = (SecretKey("new", b"n" * 32),)
BASIC = {"type": "basic", "username": "zapier", "password": "hunter2"}
GITHUB = {"type": "github", "secrets": ["hunter2", "hunter3"]}
VERIFICATIONS = [BASIC, GITHUB]
PATHS = {"basic": ["password"], "github": ["secrets[0]", "secrets[1]"]}


def draw():
    numbers = iter(range(1_000))
    return lambda: next(numbers).to_bytes(12, "big")


def sealed(source):
    return sealed_like(source, None, KEYS, draw())


@pytest.mark.parametrize("verification", VERIFICATIONS, ids=["basic", "github"])
def test_a_sealed_source_is_a_record_that_opens_to_what_it_was(verification):
    source = a_source(verification=verification)
    closed = sealed(source)
    assert has_secrets(source)
    assert has_sealed_secrets(closed)
    assert "hunter" not in encode(closed).decode()
    assert decode(Source, encode(closed)) == closed
    assert opened(closed, KEYS) == source
    paths = [secret.path for secret in secrets_of(source)]
    assert paths == [f"verification.{name}" for name in PATHS[verification["type"]]]


def test_a_source_that_asks_for_nothing_has_no_secret():
    source = a_source()
    assert not has_secrets(source)
    assert sealed_like(source, None, KEYS, draw()) is source
    assert sealed_anew(source, KEYS, draw()) is source
    assert opened(source, KEYS) is source
    assert masked(source) == source.model_dump(mode="json")


def test_the_same_secret_stays_as_it_is_sealed_and_opens_in_no_other_source():
    closed = sealed(a_source(verification=GITHUB))
    assert sealed_like(a_source(verification=GITHUB), closed, KEYS, draw()) == closed
    elsewhere = a_source(id="other", verification=closed.verification.model_dump())
    with pytest.raises(Malformed):
        opened(elsewhere, KEYS)


@pytest.mark.parametrize("verification", VERIFICATIONS, ids=["basic", "github"])
def test_what_was_read_of_a_source_can_be_written_back(verification):
    source = a_source(verification=verification)
    shown = masked(source)
    assert "hunter" not in str(shown)
    fields, faults = unmasked(shown, source)
    assert faults == []
    assert fields["verification"] == source.verification.model_dump(mode="json")


@pytest.mark.parametrize("current", [None, a_source(), a_webhook()])
@pytest.mark.parametrize("verification", VERIFICATIONS, ids=["basic", "github"])
def test_a_mask_where_a_source_has_no_secret_is_a_fault(verification, current):
    _, faults = unmasked(masked(a_source(verification=verification)), current)
    paths = [f"verification.{name}" for name in PATHS[verification["type"]]]
    assert [fault.field for fault in faults] == paths


def test_a_mask_keeps_only_a_secret_of_its_own_kind():
    shown = masked(a_source(verification=GITHUB))
    _, faults = unmasked(shown, a_source(verification=BASIC))
    assert len(faults) == 2
    _, faults = unmasked({"verification": {"password": MASK}}, a_source(verification=GITHUB))
    assert len(faults) == 1


def test_a_change_of_a_secret_is_told_without_it():
    before = a_source(verification=GITHUB)
    after = a_source(verification={"type": "github", "secrets": ["hunter4"]})
    plan = plan_changes([after], configs_of(before), now="2026-05-01T00:00:00Z")
    told = "\n".join(plan.lines())
    assert "verification.secrets[0]: (secret) -> (another secret)" in told
    assert "hunter" not in told
    basic = plan_changes([a_source(verification=BASIC)], configs_of(), now="2026-05-01T00:00:00Z")
    assert "hunter" not in "\n".join(basic.lines())
