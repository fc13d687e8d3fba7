"""What an attempt meant, status by status and kind by kind."""

import os
import time

import pytest

from pipeline.outcomes import (
    RETRY_AFTER_MS_MAX,
    Answered,
    NotAnswered,
    NotSent,
    Outcome,
    outcome_of,
    retry_after_ms,
)
from schemas.attempt import Response
from tests.support.builders import NOW_MS


def answered(status: int, retry_after: str | None = None) -> Outcome:
    return outcome_of(Answered(Response(status=status), retry_after), now_ms=NOW_MS)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
def test_any_2xx_delivers(status):
    outcome = answered(status)
    assert outcome == Outcome("delivered", "delivered", status=status, is_final=True)


@pytest.mark.parametrize("cut", ["too_long", "unpacks_too_long"])
def test_an_answer_that_was_cut_is_a_delivery_with_a_word_about_it(cut):
    outcome = outcome_of(Answered(Response(status=200, cut=cut)), now_ms=NOW_MS)
    assert (outcome.kind, outcome.reason, outcome.is_final) == ("delivered", "delivered", True)
    assert "the answer's body" in outcome.detail


def test_a_redirect_says_where_nobody_went():
    headers = (("X-Other", "1"), ("location", "http://169.254.169.254/"))
    outcome = outcome_of(Answered(Response(status=302, headers=headers)), now_ms=NOW_MS)
    told = "the endpoint answered 302 and pointed to http://169.254.169.254/"
    assert outcome.detail == f"{told}; redirects are not followed"
    created = outcome_of(Answered(Response(status=500, headers=headers)), now_ms=NOW_MS)
    assert created.detail == "the endpoint answered 500"


@pytest.mark.parametrize(
    "status", [100, 199, 300, 301, 304, 400, 401, 404, 409, 499, 500, 502, 999]
)
def test_any_other_status_is_a_failure_worth_another_try(status):
    outcome = answered(status, "120")
    assert (outcome.kind, outcome.reason, outcome.status) == ("failed", f"http_{status}", status)
    assert not outcome.is_final
    assert not outcome.is_overload
    assert outcome.retry_after_ms is None
    assert str(status) in outcome.detail


def test_410_ends_the_delivery():
    outcome = answered(410, "5")
    assert (outcome.kind, outcome.reason, outcome.is_final) == ("failed", "gone", True)


@pytest.mark.parametrize("status", [429, 503])
def test_429_and_503_ask_for_less_and_say_when(status):
    outcome = answered(status, "120")
    assert (outcome.is_overload, outcome.retry_after_ms) == (True, 120_000)
    assert answered(status).retry_after_ms is None


@pytest.mark.parametrize(
    ("kind", "is_overload"),
    [
        ("timeout", True),
        ("connect", True),
        *((kind, False) for kind in ("dns", "tls", "tls_expired", "reset", "protocol", "internal")),
    ],
)
def test_no_answer_is_a_failure_of_its_kind(kind, is_overload):
    outcome = outcome_of(NotAnswered(kind, "why"), now_ms=NOW_MS)
    assert outcome == Outcome("failed", kind, "why", is_overload=is_overload)


def test_what_may_not_be_sent_ends_the_delivery():
    outcome = outcome_of(NotSent("egress_private", "10.0.0.1"), now_ms=NOW_MS)
    assert outcome == Outcome("blocked", "egress_private", "10.0.0.1", is_final=True)


@pytest.mark.parametrize(
    ("header", "delay_ms"),
    [
        (None, None),
        ("0", 0),
        ("1", 1_000),
        (" 120 ", 120_000),
        ("007", 7_000),
        ("86400", RETRY_AFTER_MS_MAX),
        ("86401", RETRY_AFTER_MS_MAX),
        ("9" * 9, RETRY_AFTER_MS_MAX),
        ("9" * 10, RETRY_AFTER_MS_MAX),
        ("9" * 5_000, RETRY_AFTER_MS_MAX),
        ("Fri, 01 May 2026 23:50:05 GMT", 120_000),
        ("Friday, 01-May-26 23:50:05 GMT", 120_000),
        ("Fri May  1 23:50:05 2026", 120_000),
        ("Fri, 01 May 2026 23:50:05 -0000", 120_000),
        ("Sat, 02 May 2026 01:50:05 +0200", 120_000),
        ("Thu, 30 Apr 2026 00:00:00 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_MS_MAX),
        ("Fri, 31 Dec 9999 23:59:59 -2359", RETRY_AFTER_MS_MAX),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
        *((nonsense, None) for nonsense in ("", " ", "-5", "+5", "1.5", "1e3", "soon", "\u0661")),
        *((nonsense, None) for nonsense in ("5 seconds", "Fri, 99 May 2026 23:50:05 GMT", ", ,")),
        *((nonsense, None) for nonsense in ("1 Jan 1 1:1:1:1 +99999999", "caf\udce9", "\0")),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing_and_at_most_a_day(header, delay_ms):
    assert retry_after_ms(header, NOW_MS) == delay_ms


def test_a_date_without_a_zone_means_the_same_on_every_machine(monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", "Asia/Tokyo")
    time.tzset()
    try:
        delay_ms = retry_after_ms("Fri, 01 May 2026 23:50:05 -0000", NOW_MS)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert delay_ms == 120_000
