"""The egress guard in the sender's client: no spelling of a forbidden address is connected to."""

from __future__ import annotations

import pytest

from pipeline.outcomes import NotSent
from tests.support.http_client import OK, TIMEOUT_S, a_client, a_request, exchanged
from tests.support.raw_server import a_raw_server, sends


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[::1%25lo]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "169.254.169.254",
    ],
)
async def test_no_spelling_of_a_forbidden_address_is_reached(host):
    async with a_raw_server(sends(OK)) as server:
        result = (await exchanged(server.url(host), allow="")).result
    assert server.connections == 0
    assert isinstance(result, NotSent) or result.kind == "dns", result
    if isinstance(result, NotSent) and result.reason != "invalid_url":
        assert result.reason.startswith("egress_")
        assert "forbidden" in result.detail


async def test_a_name_with_one_forbidden_address_is_refused_whatever_its_others_are():
    result = (await exchanged("http://localhost:9/", allow="203.0.113.0/24")).result
    assert (type(result), result.reason) == (NotSent, "egress_loopback")


async def test_an_allowed_port_is_reached_and_its_neighbours_are_not():
    async with a_raw_server(sends(OK)) as server, a_raw_server(sends(OK)) as other:
        allow = f"127.0.0.1:{server.port}"
        allowed = (await exchanged(server.url(), allow=allow)).result
        refused = (await exchanged(other.url(), allow=allow)).result
    assert (allowed.response.status, other.connections) == (200, 0)
    assert refused == NotSent("egress_loopback", "127.0.0.1: loopback addresses are forbidden")


async def test_one_client_refuses_again_after_it_has_refused():
    """Neither the answers of names nor connections are remembered past the rules."""
    async with a_raw_server(sends(OK)) as server, a_client("") as client:
        results = [
            (await client.exchange(a_request(server.url("localhost")), TIMEOUT_S)).result
            for _ in range(3)
        ]
    assert [it.reason for it in results] == ["egress_loopback"] * 3
    assert server.connections == 0


async def test_plain_http_is_sent_only_where_an_operator_allows_it():
    async with a_raw_server(sends(OK)) as server, a_client(allow_http=False) as client:
        result = (await client.exchange(a_request(server.url()), TIMEOUT_S)).result
    assert (server.connections, result.reason) == (0, "egress_insecure")
