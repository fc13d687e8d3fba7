"""TLS failures have names of their own, and each of them may pass: certificates are renewed."""

from __future__ import annotations

import ssl

import pytest

from pipeline.outcomes import NotAnswered, outcome_of
from pipeline.retries import is_retried
from schemas.webhook import Retry
from tests.support.certificates import Authority
from tests.support.http_client import OK, TIMEOUT_S, a_client, a_request, answer, exchanged
from tests.support.raw_server import a_raw_server, drips, resets, sends

ALLOW = "127.0.0.0/8,::1"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


async def over_tls(server_context, **how):
    async with a_raw_server(sends(OK), tls=server_context) as server:
        exchange = await exchanged(server.url("localhost", "https"), allow=ALLOW, **how)
    return exchange, server


async def test_a_certificate_that_holds_lets_the_request_through_and_tls_has_its_own_time(
    authority,
):
    exchange, server = await over_tls(authority.server_context(), tls=authority.trusting_context())
    assert (exchange.result.response.status, len(server.requests)) == (200, 1)
    timings = exchange.timings
    assert min(timings.dns_ms, timings.connect_ms) >= 0
    assert timings.tls_ms > 0
    phases_ms = timings.dns_ms + timings.connect_ms + timings.tls_ms
    assert phases_ms <= timings.first_byte_ms <= timings.total_ms


@pytest.mark.parametrize(
    ("certificate", "kind", "told"),
    [
        ({"first_day": -9, "days": 2}, "tls_expired", "certificate has expired"),
        ({"first_day": 1, "days": 2}, "tls_expired", "certificate is not yet valid"),
        ({"host": "other.example"}, "tls_hostname", "not valid for 'localhost'"),
    ],
)
async def test_a_certificate_that_does_not_hold_is_named(authority, certificate, kind, told):
    exchange, server = await over_tls(
        authority.server_context(**certificate), tls=authority.trusting_context()
    )
    assert (exchange.result.kind, server.requests) == (kind, [])
    assert told in exchange.result.detail
    assert exchange.timings.tls_ms is None


async def test_a_certificate_of_an_address_it_does_not_name_is_a_wrong_host(authority):
    async with a_raw_server(sends(OK), tls=authority.server_context()) as server:
        tls = authority.trusting_context()
        result = (await exchanged(server.url(scheme="https"), tls=tls)).result
    assert result.kind == "tls_hostname"


async def test_a_certificate_that_nobody_known_signed_is_untrusted(authority):
    exchange, server = await over_tls(authority.server_context())
    assert (exchange.result.kind, server.requests) == ("tls_untrusted", [])


async def test_a_server_too_old_for_us_is_a_tls_failure(authority):
    context = authority.server_context()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    exchange, _ = await over_tls(context, tls=authority.trusting_context())
    assert exchange.result.kind == "tls"


@pytest.mark.parametrize(
    "talk",
    [
        sends(answer(400), then_close=True),
        resets(),
        resets(b"\x16\x03\x03\x00\x7a"),
        sends(b"220 mail.example ESMTP\r\n"),
    ],
    ids=["plain http", "a reset", "a reset in its first message", "something else"],
)
async def test_a_handshake_that_fails_otherwise_is_a_tls_failure(talk):
    async with a_raw_server(talk, knows_http=False) as server:
        exchange = await exchanged(server.url(scheme="https"))
    assert exchange.result.kind == "tls", exchange.result
    assert exchange.timings.connect_ms is not None


async def test_a_handshake_that_never_ends_has_its_own_words():
    async with a_raw_server(drips(b"", 60), knows_http=False) as server:
        result = (await exchanged(server.url(scheme="https"), timeout_s=0.3)).result
    expected = "no complete answer within 0.3 s: it was agreeing on TLS"
    assert result == NotAnswered("timeout", expected)


async def test_a_connection_used_again_has_no_times_of_connecting(authority):
    tls = authority.trusting_context()
    async with (
        a_raw_server(sends(OK), tls=authority.server_context()) as server,
        a_client(ALLOW, tls=tls) as client,
    ):
        request = a_request(server.url("localhost", "https"))
        first, again = [(await client.exchange(request, TIMEOUT_S)).timings for _ in range(2)]
    assert None not in (first.dns_ms, first.connect_ms, first.tls_ms)
    assert (again.dns_ms, again.connect_ms, again.tls_ms) == (None, None, None)
    assert again.first_byte_ms < first.first_byte_ms


@pytest.mark.parametrize("kind", ["tls", "tls_expired", "tls_hostname", "tls_untrusted"])
def test_retry_on_tls_means_every_tls_failure(kind):
    outcome = outcome_of(NotAnswered(kind, ""), now_ms=0)
    assert is_retried(outcome, Retry(retry_on=("tls",)))
    assert not is_retried(outcome, Retry(retry_on=("timeout", "5xx")))
