"""Sharing: the same webhooks in less memory."""

import tracemalloc

import pytest
from hypothesis import given

from pipeline import sharing
from pipeline.configs import Configs
from pipeline.sharing import SharedParts
from schemas.codec import decode, encode
from schemas.config import key_of
from schemas.webhook import Webhook
from tests.support.builders import a_webhook
from tests.support.strategies import records


def with_value(value):
    return a_webhook(filter={"all": [{"field": "f", "op": "eq", "value": value}]})


@given(webhook=records(Webhook))
def test_a_webhook_with_shared_parts_is_the_same_webhook(webhook):
    shared = SharedParts().webhook(webhook)
    assert shared == webhook
    assert encode(shared) == encode(webhook)
    assert decode(Webhook, encode(shared)) == webhook


def test_equal_parts_are_kept_once():
    parts = SharedParts()
    one, two = (parts.webhook(decode(Webhook, encode(with_value(30)))) for _ in range(2))
    assert one.filter is two.filter
    assert one.retry is two.retry
    assert one.signing is two.signing
    assert parts.compiled(one) is parts.compiled(two)
    assert parts.compiled(a_webhook()).accepts({})


@pytest.mark.parametrize("value", [True, 1.0, "1"])
def test_what_is_equal_only_to_python_is_not_shared(value):
    parts = SharedParts()
    assert parts.webhook(with_value(1)).filter.any[0].all[0].value == 1
    found = parts.webhook(with_value(value)).filter.any[0].all[0].value
    assert type(found) is type(value)
    assert parts.compiled(with_value(1)).accepts({"f": True}) is False
    assert parts.compiled(with_value(value=True)).accepts({"f": True}) is True


def test_the_parts_kept_are_bounded(monkeypatch):
    monkeypatch.setattr(sharing, "PARTS_MAX", 4)
    parts = SharedParts()
    for value in range(50):
        webhook = parts.webhook(with_value(value))
        assert webhook == with_value(value)
        assert parts.compiled(webhook).accepts({"f": value})
        assert len(parts._parts) <= 4  # noqa: SLF001 - nothing else shows it
        assert len(parts._filters) <= 4  # noqa: SLF001


def test_a_webhook_among_many_takes_less_than_two_kilobytes():
    webhooks = (
        a_webhook(id=f"w{n}", url=f"https://h.example.com/{n}", filter=with_value(n % 5).filter)
        for n in range(1_000)
    )
    written = [(str(key_of(webhook)).encode(), encode(webhook)) for webhook in webhooks]
    configs = Configs()
    tracemalloc.start()
    try:
        for offset, (key, value) in enumerate(written):
            assert configs.apply(key, value, offset) == ()
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(configs) == 1_000
    assert held_bytes < 2_000 * len(configs)
