"""The HTTP client against real sockets: whatever an endpoint does has a name and an end."""

from __future__ import annotations

import gzip
import socket
import zlib
from dataclasses import replace

import pytest

from agents.sender.answer import (
    BODY_BYTES_KEPT,
    BODY_BYTES_READ,
    HEADER_CHARACTERS_KEPT,
    HEADER_NAME_CHARACTERS_KEPT,
    HEADERS_KEPT,
)
from pipeline.outcomes import Answered, NotAnswered, NotSent
from pipeline.requests import Request
from schemas.attempt import Attempt
from schemas.codec import decode, encode
from tests.support.builders import an_attempt
from tests.support.http_client import (
    OK,
    TIMEOUT_S,
    a_client,
    a_request,
    answer,
    exchanged,
    result_of,
)
from tests.support.raw_server import a_raw_server, drips, floods, resets, sends


async def test_an_answer_comes_with_status_headers_body_remote_and_timings():
    async with a_raw_server(sends(answer(201, "X-Note: hi", body=b"made"))) as server:
        exchange = await exchanged(server.url())
    response = exchange.result.response
    assert (response.status, response.body, response.body_bytes) == (201, "made", 4)
    assert ("X-Note", "hi") in response.headers
    assert response.remote == f"127.0.0.1:{server.port}"
    assert 0 < exchange.timings.connect_ms < exchange.timings.first_byte_ms
    assert (exchange.timings.dns_ms, exchange.timings.tls_ms) == (None, None)
    assert exchange.timings.first_byte_ms <= exchange.timings.total_ms < 500


async def test_the_request_goes_out_as_made_and_is_recorded_without_its_secrets():
    async with a_raw_server(sends(OK)) as server:
        exchange = await exchanged(server.url())
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert body == b'{"id": 1}'
    assert names == {b"host", b"content-type", b"authorization", b"content-length", b"accept"}
    assert exchange.request.body_bytes == len(body)
    assert dict(exchange.request.headers)["Authorization"] == "•••"


@pytest.mark.parametrize("status", [204, 304, 400, 404, 410, 500, 503, 599, 799])
async def test_every_status_is_an_answer(status):
    assert (await result_of(sends(answer(status)))).response.status == status


async def test_retry_after_is_handed_on_as_sent():
    result = await result_of(sends(answer(503, "Retry-After: 120")))
    assert result == Answered(result.response, retry_after="120")


async def test_a_request_without_a_body_says_nothing_of_one():
    async with a_raw_server(sends(OK)) as server, a_client() as client:
        pixel = Request("GET", server.url(), (("User-Agent", "Hookline/0.1"),), b"")
        await client.exchange(pixel, TIMEOUT_S)
        await client.exchange(replace(pixel, method="POST"), TIMEOUT_S)
    get, post = (request.decode().lower() for request in server.requests)
    assert get.startswith("get /in http/1.1\r\n")
    assert "content-" not in get
    assert "content-length: 0\r\n" in post
    assert "content-type" not in post


async def test_each_request_has_the_time_of_its_own_webhook():
    async with a_raw_server(drips(b"", 60)) as server, a_client() as client:
        took_ms = [
            (await client.exchange(a_request(server.url()), timeout_s)).timings.total_ms
            for timeout_s in (0.2, 0.6)
        ]
    assert 200 <= took_ms[0] < 500
    assert 600 <= took_ms[1] < 900


async def test_a_connection_is_used_again():
    async with a_raw_server(sends(OK)) as server, a_client() as client:
        exchanges = [await client.exchange(a_request(server.url()), TIMEOUT_S) for _ in range(3)]
    assert (server.connections, len(server.requests)) == (1, 3)
    assert exchanges[0].timings.connect_ms is not None
    assert exchanges[2].timings.connect_ms is None
    assert {it.result.response.remote for it in exchanges} == {f"127.0.0.1:{server.port}"}


async def test_a_connection_that_the_endpoint_closes_costs_no_failure():
    closing = sends(answer(200, "Connection: close", body=b"ok"), then_close=True)
    async with a_raw_server(closing) as server, a_client() as client:
        for _ in range(5):
            exchange = await client.exchange(a_request(server.url()), TIMEOUT_S)
            assert isinstance(exchange.result, Answered)
    assert server.connections == 5


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        (sends(b"", then_close=True), "reset"),
        (resets(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"), "reset"),
        (drips(b"HTTP/1.1 200", 0.05), "timeout"),
        (sends(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"), "protocol"),
        (sends(b"HTTP/1.1 abc OK\r\n\r\n"), "protocol"),
        (sends(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), "protocol"),
        (sends(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), "protocol"),
        (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "protocol"),
        (sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "protocol"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
async def test_every_broken_answer_is_a_failure_of_a_kind(talk, kind):
    result = await result_of(talk)
    assert isinstance(result, NotAnswered), result
    assert (result.kind, bool(result.detail)) == (kind, True), result


async def test_a_body_that_never_ends_is_read_to_its_bound_and_costs_the_connection():
    flood = floods(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 4096)
    async with a_raw_server(flood) as server, a_client() as client:
        for _ in range(2):
            exchange = await client.exchange(a_request(server.url()), TIMEOUT_S)
            response = exchange.result.response
            assert (response.status, response.body_bytes) == (200, BODY_BYTES_READ)
            assert response.body == "x" * BODY_BYTES_KEPT
    assert server.connections == 2


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", " GZIP "])
async def test_a_compressed_answer_is_kept_unpacked(encoding):
    pack = zlib.compress if encoding == "deflate" else gzip.compress
    body = pack(b"0" * 60_000)
    response = (
        await result_of(sends(answer(200, f"Content-Encoding:{encoding}", body=body)))
    ).response
    assert (response.body, response.cut) == ("0" * BODY_BYTES_KEPT, None)
    assert response.body_bytes == len(body)


@pytest.mark.parametrize(
    ("length", "cut"), [(BODY_BYTES_READ, None), (BODY_BYTES_READ + 1, "too_long")]
)
async def test_a_body_at_the_bound_is_whole_and_one_byte_more_is_too_long(length, cut):
    response = (await result_of(sends(answer(200, body=b"x" * length)))).response
    assert (response.body_bytes, response.cut) == (BODY_BYTES_READ, cut)


async def test_a_body_that_is_not_what_its_encoding_says_does_not_undo_the_delivery():
    result = await result_of(sends(answer(200, "Content-Encoding: gzip", body=b"plain")))
    assert (result.response.status, result.response.body) == (200, "(5 bytes that are not gzip)")


async def test_an_unknown_encoding_is_kept_as_it_is():
    result = await result_of(sends(answer(200, "Content-Encoding: br", body=b"\x00\xff")))
    assert result.response.body == "\N{REPLACEMENT CHARACTER}" * 2


async def test_headers_in_another_alphabet_leave_an_answer_that_can_be_recorded():
    """A Latin-1 byte in a header once ended the sender, for ever: the attempt was no JSON."""
    result = await result_of(sends(answer(503, "Server: caf\xe9", "Retry-After: 5\xe9")))
    attempt = an_attempt().model_copy(update={"response": result.response})
    assert decode(Attempt, encode(attempt)).response.status == 503
    assert dict(result.response.headers)["Server"].startswith("caf")


async def test_an_error_in_another_alphabet_leaves_a_detail_that_can_be_recorded():
    result = await result_of(sends(b"HTTP/1.1 caf\xe9 OK\r\n\r\n"))
    assert result.kind == "protocol"
    result.detail.encode()


async def test_many_and_long_headers_are_cut():
    many = [f"X-{number}{'n' * 1_000}: {'v' * 1_000}" for number in range(60)]
    response = (await result_of(sends(answer(200, *many)))).response
    assert len(response.headers) == HEADERS_KEPT
    assert max(len(value) for _, value in response.headers) == HEADER_CHARACTERS_KEPT
    assert max(len(name) for name, _ in response.headers) == HEADER_NAME_CHARACTERS_KEPT


async def test_a_closed_port_is_a_failure_to_connect():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        result = (await exchanged(f"http://127.0.0.1:{bound.getsockname()[1]}/")).result
    assert (type(result), result.kind) == (NotAnswered, "connect")


async def test_a_name_that_does_not_exist_is_a_dns_failure():
    result = (await exchanged("http://no-such-host.invalid/", timeout_s=10)).result
    assert (type(result), result.kind) == (NotAnswered, "dns")


@pytest.mark.parametrize(
    "url",
    ["http://", "http://[::1", "http://exa mple/", "ftp://example.com/", f"http://{'a' * 70}"],
)
async def test_an_impossible_url_is_not_sent(url):
    result = (await exchanged(url, timeout_s=5)).result
    assert isinstance(result, NotSent) or result.kind == "dns", result
