"""The HTTP client against real sockets: whatever an endpoint does has a name and an end."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import zlib
from pathlib import Path

import pytest

from agents.sender.answer import BODY_BYTES_KEPT, BODY_BYTES_READ, HEADERS_KEPT
from pipeline.outcomes import Answered, NotAnswered, NotSent
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

# For localhost, signed by itself; its key is no secret, and opens nothing.
CERTIFICATE = Path(__file__).parent / "self_signed.pem"


async def test_an_answer_comes_with_status_headers_body_remote_and_timings():
    async with a_raw_server(sends(answer(201, "X-Note: hi", body=b"made"))) as server:
        exchange = await exchanged(server.url())
    response = exchange.result.response
    assert (response.status, response.body, response.body_bytes) == (201, "made", 4)
    assert ("X-Note", "hi") in response.headers
    assert response.remote == f"127.0.0.1:{server.port}"
    assert 0 < exchange.timings.connect_ms < exchange.timings.first_byte_ms
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


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status):
    async with a_raw_server(sends(OK)) as elsewhere:
        result = await result_of(sends(answer(status, f"Location: {elsewhere.url()}")))
    assert (result.response.status, elsewhere.connections) == (status, 0)


@pytest.mark.parametrize("status", [204, 304, 400, 404, 410, 500, 503, 599, 799])
async def test_every_status_is_an_answer(status):
    assert (await result_of(sends(answer(status)))).response.status == status


async def test_retry_after_is_handed_on_as_sent():
    result = await result_of(sends(answer(503, "Retry-After: 120")))
    assert result == Answered(result.response, retry_after="120")


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
        (resets(), "reset"),
        (sends(b"", then_close=True), "reset"),
        (resets(b"HTTP/1.1 200 OK\r\nContent-Le"), "reset"),
        (resets(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly so much"), "reset"),
        (resets(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"), "reset"),
        (drips(b"", 60), "timeout"),
        (drips(b"HTTP/1.1 200", 0.05), "timeout"),
        (drips(b"HTTP/1.1 200 OK\r\nX: ", 0.05), "timeout"),
        (drips(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", 0.05), "timeout"),
        (floods(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "timeout"),
        (floods(b"HTTP/1.1 200 OK\r\n", b"X-Flood: 0123456789abcdef\r\n"), "protocol"),
        (floods(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 4096), "protocol"),
        (floods(b"HTTP/1.1 200 ", b"K" * 4096), "protocol"),
        (sends(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "protocol"),
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


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"0" * 50_000_000)),
        ("x-gzip", gzip.compress(b"0" * 5_000_000)),
        ("deflate", zlib.compress(b"0" * 50_000_000)),
    ],
)
async def test_a_compression_bomb_is_unpacked_to_what_is_kept(encoding, packed):
    result = await result_of(sends(answer(200, f"Content-Encoding: {encoding}", body=packed)))
    assert result.response.body == "0" * BODY_BYTES_KEPT
    assert result.response.body_bytes == min(len(packed), BODY_BYTES_READ)


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
    many = [f"X-{number}: {'v' * 1_000}" for number in range(60)]
    response = (await result_of(sends(answer(200, *many)))).response
    assert len(response.headers) == HEADERS_KEPT
    assert max(len(value) for _, value in response.headers) == 500


async def test_a_closed_port_is_a_failure_to_connect():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        result = (await exchanged(f"http://127.0.0.1:{bound.getsockname()[1]}/")).result
    assert (type(result), result.kind) == (NotAnswered, "connect")


async def test_a_name_that_does_not_exist_is_a_dns_failure():
    result = (await exchanged("http://no-such-host.invalid/", timeout_s=10)).result
    assert (type(result), result.kind) == (NotAnswered, "dns")


async def test_a_certificate_that_nobody_signed_is_a_tls_failure():
    """Not the end of the delivery: certificates expire, and are renewed within the day."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with a_raw_server(sends(OK), tls=context) as server:
        url = server.url("localhost", "https")
        result = (await exchanged(url, allow="127.0.0.0/8,::1")).result
    assert (type(result), result.kind, server.requests) == (NotAnswered, "tls", [])


async def test_https_to_a_port_that_speaks_http_is_a_tls_failure():
    async def refuse(_reader, writer):
        writer.write(answer(400))
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        result = (await exchanged(f"https://127.0.0.1:{port}/")).result
    assert (type(result), result.kind) == (NotAnswered, "tls")


@pytest.mark.parametrize(
    "url",
    ["http://", "http://[::1", "http://exa mple/", "ftp://example.com/", f"http://{'a' * 70}"],
)
async def test_an_impossible_url_is_not_sent(url):
    result = (await exchanged(url, timeout_s=5)).result
    assert isinstance(result, NotSent) or result.kind == "dns", result
