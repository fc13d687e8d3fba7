"""Secrets in the worker: opened for the request alone, and missing ones no reason to stop."""

from __future__ import annotations

import base64

import pytest

from pipeline.requests import Request
from pipeline.sealing import sealed_like
from pipeline.secret_keys import SecretKey
from schemas.codec import encode
from tests.support.builders import a_webhook
from tests.support.outside import KEY, LOST, Outside, turned


@pytest.fixture
async def outside():
    return Outside()


def a_sealed_webhook(key: SecretKey, password="hunter2", **overrides):  # noqa: S107 - a test's
    webhook = a_webhook(basic_auth={"username": "u", "password": password}, **overrides)
    return sealed_like(webhook, None, (key,), lambda: b"n" * 12)


def password_of(request: Request) -> str:
    token = dict(request.headers)["Authorization"].removeprefix("Basic ")
    return base64.b64decode(token).decode().removeprefix("u:")


async def test_a_secret_is_opened_for_the_request_and_only_there(outside):
    outside.configure(a_sealed_webhook(KEY))
    outside.read(7, config_offset=2)
    await turned()
    assert password_of(outside.sent[0]) == "hunter2"
    outside.requests[0].set_result(500)
    await turned()
    (settlement,) = outside.settlements
    assert b"hunter2" not in encode(settlement.attempt) + encode(settlement.parked.job)
    assert "•••" in dict(settlement.attempt.request.headers)["Authorization"]


async def test_a_secret_that_was_changed_is_used_from_then_on(outside):
    for offset, password in enumerate(("hunter2", "hunter3"), start=2):
        outside.configure(a_sealed_webhook(KEY, password))
        for number in range(2):
            outside.read(offset * 2 + number, delivery_id=f"dl_{offset}{number}")
        await turned()
    assert [password_of(request) for request in outside.sent] == [
        *("hunter2", "hunter2", "hunter3", "hunter3"),
    ]


async def test_without_its_secret_nothing_is_sent_and_the_attempt_is_retried(outside):
    outside.configure(a_sealed_webhook(LOST, retry={"retry_on": ["5xx"]}))
    outside.read(7, config_offset=2)
    await turned()
    assert outside.sent == []
    (settlement,) = outside.settlements
    attempt = settlement.attempt
    assert (attempt.outcome, attempt.reason, attempt.next.step) == (
        *("failed", "secret_unreadable", "retry"),
    )
    assert attempt.detail.startswith("basic_auth.password: it is sealed with the key lost")
    assert attempt.request is None
    assert [failure.stage for failure in settlement.failures] == ["first"]
    assert settlement.parked.job.body is not None
    assert outside.closed == [(7, 41)]


async def test_a_failure_of_ours_leaves_the_endpoints_place_free(outside):
    """As it does when the endpoint answers: the next job must not wait for one that is over."""
    outside.configure(a_sealed_webhook(LOST, concurrency_max=1))
    for number in range(3):
        outside.read(number, delivery_id=f"dl_{number}", config_offset=2)
    await turned()
    assert len(outside.settlements) == 3
