"""The egress guard in the sender's client: no spelling of a forbidden address is connected to."""

from __future__ import annotations

import socket
import threading

import pytest
from aiohttp.abc import ResolveResult

from agents.sender.guard import EgressGuard
from pipeline.outcomes import NotAnswered, NotSent
from tests.support.http_client import (
    LOOPBACK,
    OK,
    TIMEOUT_S,
    a_client,
    a_request,
    answer,
    exchanged,
)
from tests.support.raw_server import a_raw_server, sends
from tests.support.spellings import host_spellings


def answering(*answers):
    """A look-up that gives these lists of addresses in turn, the last of them for ever."""
    left = list(answers)

    def look_up(host, port, _family):
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    return look_up


@pytest.mark.parametrize(
    ("host", "rule"),
    [
        *((host, "loopback") for host in host_spellings("127.0.0.1")),
        *((host, "metadata") for host in host_spellings("169.254.169.254")[:8]),
        ("127.1", "loopback"),
        ("0x7f.1", "loopback"),
        ("localhost", "loopback"),
        ("localhost.", "loopback"),
        ("a.localhost", "loopback"),
        ("[::1]", "loopback"),
        ("[0:0:0:0:0:0:0:1]", "loopback"),
        ("[::1%25lo]", "loopback"),
        ("[::1%lo]", "loopback"),
        ("[::ffff:127.0.0.1]", "loopback"),
        ("[::FFFF:7f00:1]", "loopback"),
        ("[64:ff9b::7f00:1]", "loopback"),
        ("[::127.0.0.1]", "compatible"),
        ("[2002:7f00:1::]", "6to4"),
        ("[2001:0:7f00:1::]", "teredo"),
        ("[fec0::1]", "site_local"),
        ("[fe80::1%25lo]", "link_local"),
        ("0", "unspecified"),
        ("0.0.0.0", "unspecified"),  # noqa: S104 - an address to refuse
        ("[::]", "unspecified"),
        ("168.63.129.16", "metadata"),
        ("127.0.0.1%00", "spelling"),
        ("127.0.0.08", "not_an_address"),
    ],
)
async def test_no_spelling_of_a_forbidden_address_is_reached(host, rule):
    async with a_raw_server(sends(OK)) as server:
        result = (await exchanged(server.url(host), allow="")).result
    assert server.connections == 0
    assert (type(result), result.reason) == (NotSent, f"egress_{rule}"), result
    assert f"({rule})" in result.detail


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "127.0.0.2", "fd00::1"]],
)
async def test_a_name_with_one_forbidden_address_is_refused_whatever_its_others_are(answers):
    """The others are allowed here, and one of them would even answer."""
    async with a_raw_server(sends(OK)) as server:
        url = server.url("hooks.example.com")
        result = (await exchanged(url, look_up=answering(answers))).result
    assert (server.connections, result.reason) == (0, "egress_private")
    assert result.detail.startswith("hooks.example.com is not called: ")
    assert "is refused (private): " in result.detail


async def test_a_name_that_turns_to_a_forbidden_address_is_refused_when_it_is_looked_up_again():
    turning = answering(["127.0.0.1"], ["10.0.0.1"])
    closing = sends(answer(200, "Connection: close", body=b"ok"), then_close=True)
    async with a_raw_server(closing) as server:
        url = server.url("hooks.example.com")
        first = (await exchanged(url, look_up=turning)).result
        second = (await exchanged(url, look_up=turning)).result
    assert (first.response.status, server.connections) == (200, 1)
    assert second.reason == "egress_private"


class CheckedBefore(EgressGuard):
    """Checks one answer of a name and hands on the next: what DNS rebinding makes of a check."""

    async def resolve(self, host, port=0, family=socket.AF_INET):
        await super().resolve(host, port, family)
        return self._look_up(host, port, family)


async def test_a_name_that_changes_between_check_and_connection_is_refused_at_the_socket():
    turning = answering(["127.0.0.2"], ["127.0.0.1"])
    async with a_raw_server(sends(OK)) as server:
        url = server.url("hooks.example.com")
        allow = "127.0.0.2"
        result = (await exchanged(url, allow=allow, look_up=turning, guard=CheckedBefore)).result
    assert (server.connections, result.reason) == (0, "egress_loopback")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_a_forbidden_address_is_a_failure_that_names_it(status):
    async with a_raw_server(sends(OK)) as inner:
        redirect = sends(answer(status, f"Location: {inner.url()}"))
        async with a_raw_server(redirect) as server:
            allow = f"127.0.0.1:{server.port}"
            result = (await exchanged(server.url(), allow=allow)).result
    assert (result.response.status, inner.connections) == (status, 0)
    assert ("Location", inner.url()) in result.response.headers


async def test_a_name_server_that_hangs_costs_its_own_time_only():
    over = threading.Event()

    def hang(_host, _port, _family):
        over.wait(10)
        return []

    try:
        exchange = await exchanged("http://a.example/", look_up=hang, dns_timeout_s=0.2)
    finally:
        over.set()
    assert exchange.result.kind == "dns"
    assert "within 0.2 s" in exchange.result.detail
    assert 200 <= exchange.timings.total_ms < 700


async def test_a_name_without_addresses_is_a_dns_failure():
    result = (await exchanged("http://a.example/", look_up=answering([]))).result
    assert (type(result), result.kind) == (NotAnswered, "dns")


async def test_an_answer_that_is_no_address_is_refused():
    result = (await exchanged("http://a.example/", look_up=answering(["2130706433"]))).result
    assert result.reason == "egress_not_an_address"


async def test_an_allowed_port_is_reached_and_its_neighbours_are_not():
    async with a_raw_server(sends(OK)) as server, a_raw_server(sends(OK)) as other:
        allow = f"127.0.0.1:{server.port}"
        allowed = (await exchanged(server.url(), allow=allow)).result
        refused = (await exchanged(other.url(), allow=allow)).result
    assert (allowed.response.status, other.connections) == (200, 0)
    detail = "127.0.0.1 is refused (loopback): 127.0.0.0/8 is for this machine itself"
    assert refused == NotSent("egress_loopback", detail)


@pytest.mark.parametrize("host", ["127.0.0.1", "hooks.example.com"])
async def test_a_port_of_another_protocol_needs_an_entry_of_its_own(host):
    found = answering(["127.0.0.1"])
    url = f"http://{host}:9092/"
    refused = (await exchanged(url, look_up=found)).result
    elsewhere = f"{LOOPBACK},203.0.113.1:9092"  # lets the name through to its look-up
    refused_late = (await exchanged(url, look_up=found, allow=elsewhere)).result
    assert {refused.reason, refused_late.reason} == {"egress_port"}
    assert "port 9092 is for Kafka brokers" in refused.detail
    opened = (await exchanged(url, look_up=found, allow="127.0.0.1:9092")).result
    assert not isinstance(opened, NotSent)  # whoever listens there, if anybody does


async def test_one_client_refuses_again_after_it_has_refused():
    """Neither the answers of names nor connections are remembered past the rules."""
    found = answering(["127.0.0.1", "::1"])
    async with a_raw_server(sends(OK)) as server, a_client(look_up=found) as client:
        results = [
            (await client.exchange(a_request(server.url("a.example")), TIMEOUT_S)).result
            for _ in range(3)
        ]
    assert [it.reason for it in results] == ["egress_loopback"] * 3
    assert server.connections == 0


async def test_plain_http_is_sent_only_where_an_operator_allows_it():
    async with a_raw_server(sends(OK)) as server, a_client(allow_http=False) as client:
        result = (await client.exchange(a_request(server.url()), TIMEOUT_S)).result
    assert (server.connections, result.reason) == (0, "egress_insecure")
