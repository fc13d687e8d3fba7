"""The sender's client, allowed to reach loopback, and one exchange with it."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager

from agents.sender.guard import EgressGuard
from agents.sender.http import HttpClient
from pipeline.requests import Request
from pipeline.settings import parse_networks
from tests.support.raw_server import a_raw_server

TIMEOUT_S = 1.0
LATE_S = 5  # on a machine that does other things too; unbounded, it would be minutes
LOOPBACK = "127.0.0.0/8"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def a_client(allow: str = LOOPBACK, *, allow_http=True, tls=None, guard=EgressGuard, **how):
    """`how` goes to the guard: `look_up`, `timeout_s`."""
    client = HttpClient(guard(parse_networks(allow), **how), allow_http=allow_http, tls=tls)
    try:
        yield client
    finally:
        await client.close()


def a_request(url: str, body: bytes = b'{"id": 1}') -> Request:
    headers = (("Content-Type", "application/json"), ("Authorization", "Basic c2VjcmV0"))
    return Request("POST", url, headers, body)


async def exchanged(url: str, *, timeout_s: float = TIMEOUT_S, dns_timeout_s=1.0, **how):
    """The exchange of one request; it ends within its time, whatever happens."""
    async with a_client(timeout_s=dns_timeout_s, **how) as client:
        began_s = time.monotonic()
        exchange = await client.exchange(a_request(url), timeout_s)
        assert time.monotonic() - began_s < timeout_s + LATE_S
    return exchange


async def result_of(talk, **how):
    async with a_raw_server(talk) as server:
        return (await exchanged(server.url(), **how)).result


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode("latin-1") + body
