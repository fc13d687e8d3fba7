"""Endpoints that mean harm, over real sockets: each ends in time and in little memory, by name."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib

import aiohttp
import pytest

from agents.sender.answer import BODY_BYTES_KEPT, BODY_BYTES_READ
from pipeline.outcomes import outcome_of
from tests.support.http_client import OK, TIMEOUT_S, exchanged
from tests.support.raw_server import a_raw_server, drips, floods, resets, sends

# What one try may hold at its peak, with the endpoint's side of the connection, which is in this
# process too. The buffers of both sides have 64 to 128 KiB each.
PEAK_BYTES_MAX = 1_000_000
PLENTY_S = 30.0
BOMB_BYTES = 100_000_000
BOMB = gzip.compress(b"0" * BOMB_BYTES)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = b"HTTP/1.1 %s\r\nContent-Length: 99999999999\r\n\r\n"


def packed(encoding: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


HOSTILE = {
    "gzip bomb": (sends(packed("gzip", BOMB)), "delivered", "too_long"),
    "small gzip bomb": (
        sends(packed("gzip", gzip.compress(b"0" * 20_000_000))),
        "delivered",
        "unpacks_too_long",
    ),
    "deflate bomb": (
        sends(packed("deflate", zlib.compress(b"0" * 20_000_000))),
        "delivered",
        "unpacks_too_long",
    ),
    "gzip bomb in gzip": (
        sends(packed("gzip", gzip.compress(BOMB))),
        "delivered",
        "unpacks_too_long",
    ),
    "endless body": (floods(ENDLESS % b"200 OK", b"x" * 4_096), "delivered", "too_long"),
    "endless body of an error": (floods(ENDLESS % b"500 Oh", b"x" * 4_096), "http_500", "too_long"),
    "endless chunks": (
        floods(CHUNKED, b"1000\r\n" + b"x" * 4_096 + b"\r\n"),
        "delivered",
        "too_long",
    ),
    "endless small chunks": (
        floods(CHUNKED, b"10\r\n" + b"x" * 16 + b"\r\n"),
        "delivered",
        "too_long",
    ),
    "endless body until close": (
        floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4_096),
        "delivered",
        "too_long",
    ),
    "endless chunk extension": (floods(CHUNKED + b"5;", b"x" * 4_096), "timeout", None),
    "endless trailers": (
        floods(CHUNKED + b"0\r\n", b"X-Flood: 0123456789abcdef\r\n" * 100),
        "protocol_headers",
        None,
    ),
    "slow drip of a body": (drips(ENDLESS % b"200 OK", 0.05), "timeout", None),
    "slow drip of headers": (drips(b"HTTP/1.1 200 OK\r\nX: ", 0.05), "timeout", None),
    "silence": (drips(b"", 60), "timeout", None),
    "flood of headers": (
        floods(b"HTTP/1.1 200 OK\r\n", b"X-Flood: 0123456789abcdef\r\n" * 100),
        "protocol_headers",
        None,
    ),
    "endless header": (floods(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 4_096), "protocol_headers", None),
    "endless header name": (floods(b"HTTP/1.1 200 OK\r\n", b"x" * 4_096), "protocol_headers", None),
    "endless reason": (floods(b"HTTP/1.1 200 ", b"K" * 4_096), "protocol_headers", None),
    "endless early hints": (
        floods(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
        "timeout",
        None,
    ),
    "reset at once": (resets(), "reset", None),
    "reset in the head": (resets(b"HTTP/1.1 200 OK\r\nContent-Le"), "reset", None),
    "reset in the body": (
        resets(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly so much"),
        "reset",
        None,
    ),
    "another protocol": (sends(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "protocol", None),
}


@pytest.mark.parametrize(("talk", "reason", "cut"), HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_endpoint_ends_in_time_and_in_little_memory_by_name(talk, reason, cut):
    async with a_raw_server(talk) as server:
        tracemalloc.start()
        try:
            # It asserts its time. What ends by its size ends sooner, if not on a busy machine.
            timeout_s = TIMEOUT_S if reason == "timeout" else PLENTY_S
            exchange = await exchanged(server.url(), timeout_s=timeout_s)
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    outcome = outcome_of(exchange.result, now_ms=0)
    assert outcome.reason == reason, exchange.result
    assert peak_bytes < PEAK_BYTES_MAX
    response = getattr(exchange.result, "response", None)
    assert (response and response.cut) == cut
    if response is not None:
        assert response.body_bytes <= BODY_BYTES_READ
        assert len(response.body) <= BODY_BYTES_KEPT


async def test_the_measure_sees_what_reading_a_bomb_whole_would_cost():
    async with (
        a_raw_server(sends(packed("gzip", BOMB))) as server,
        aiohttp.ClientSession() as naive,
    ):
        tracemalloc.start()
        try:
            async with naive.post(server.url()) as response:
                await response.read()
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak_bytes > BOMB_BYTES


@pytest.mark.parametrize(
    ("talk", "phase"),
    [
        (drips(b"", 60), "waiting for the answer's status and headers"),
        (drips(ENDLESS % b"200 OK", 0.05), "reading the answer's body"),
    ],
)
async def test_a_timeout_says_what_was_waited_for(talk, phase):
    async with a_raw_server(talk) as server:
        result = (await exchanged(server.url(), timeout_s=0.3)).result
    assert result.detail == f"no complete answer within 0.3 s: it was {phase}"


async def test_an_answer_cut_short_is_a_delivery_that_says_so():
    async with a_raw_server(floods(ENDLESS % b"200 OK", b"x" * 4_096)) as server:
        outcome = outcome_of((await exchanged(server.url())).result, now_ms=0)
    assert (outcome.kind, outcome.reason) == ("delivered", "delivered")
    assert "went on and on" in outcome.detail


async def test_other_requests_go_on_while_endpoints_flood():
    flood = floods(CHUNKED + b"5;", b"x" * 4_096)
    async with a_raw_server(flood) as hostile, a_raw_server(sends(OK)) as friendly:
        tries = [exchanged(url) for url in (*[hostile.url()] * 5, friendly.url())]
        *flooded, exchange = await asyncio.gather(*tries)
    assert exchange.result.response.body == "ok"
    assert {each.result.kind for each in flooded} == {"timeout"}
