"""Egress: every special range, in every spelling, and what an operator's allow-list opens."""

import ipaddress

import pytest

from pipeline.egress import Verdict, is_secure_enough, verdict
from pipeline.settings import parse_networks

# Two addresses of each range: its first and its last.
FORBIDDEN_V4 = [
    ("unspecified", "0.0.0.0", "0.255.255.255"),  # noqa: S104 - an address to refuse
    ("private", "10.0.0.0", "10.255.255.255"),
    ("shared", "100.64.0.0", "100.127.255.255"),
    ("loopback", "127.0.0.0", "127.255.255.255"),
    ("metadata", "168.63.129.16", "169.254.169.254"),
    ("link_local", "169.254.0.0", "169.254.255.255"),
    ("private", "172.16.0.0", "172.31.255.255"),
    ("reserved", "192.0.0.0", "192.0.0.255"),
    ("documentation", "192.0.2.0", "192.0.2.255"),
    ("reserved", "192.88.99.0", "192.88.99.255"),
    ("private", "192.168.0.0", "192.168.255.255"),
    ("benchmark", "198.18.0.0", "198.19.255.255"),
    ("documentation", "198.51.100.0", "198.51.100.255"),
    ("documentation", "203.0.113.0", "203.0.113.255"),
    ("multicast", "224.0.0.0", "239.255.255.255"),
    ("reserved", "240.0.0.0", "255.255.255.255"),
]
FORBIDDEN_V6 = [
    ("unspecified", "::", "::"),
    ("loopback", "::1", "0:0:0:0:0:0:0:1"),
    ("reserved", "::2", "::127.0.0.1"),
    ("reserved", "::ffff:0:7f00:1", "ff:ffff::1"),
    ("reserved", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    ("discard", "100::", "100::ffff:ffff:ffff:ffff"),
    ("reserved", "100:0:0:1::", "1fff:ffff::"),
    ("reserved", "200::1", "3ff:ffff::1"),
    ("reserved", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("documentation", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("tunnel", "2002::", "2002:7f00:1::"),
    ("documentation", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("reserved", "4000::1", "dfff:ffff::1"),
    ("reserved", "5f00::", "5f00:ffff::"),
    ("private", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("metadata", "fd00:ec2::254", "fd00:0ec2:0:0:0:0:0:254"),
    ("link_local", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("site_local", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("reserved", "fe00::1", "fe7f::1"),
    ("multicast", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
]


def spellings(address: str) -> list[str]:
    """The ways in which a socket reaches an IPv4 address."""
    number = int(ipaddress.IPv4Address(address))
    low = f"{number >> 16:x}:{number & 0xFFFF:x}"
    return [
        address,
        f"::ffff:{address}",
        f"::FFFF:{low}",
        f"0:0:0:0:0:ffff:{low}",
        f"::ffff:{low}%eth0",
        f"64:ff9b::{address}",
        f"64:ff9b::{low}",
    ]


@pytest.mark.parametrize(("rule", "first", "last"), FORBIDDEN_V4)
def test_a_special_ipv4_range_is_forbidden_from_end_to_end_in_every_spelling(rule, first, last):
    for spelling in [*spellings(first), *spellings(last)]:
        assert verdict(spelling, 443).rule in {rule, "metadata"}, spelling


@pytest.mark.parametrize(("rule", "first", "last"), FORBIDDEN_V6)
def test_a_special_ipv6_range_is_forbidden_from_end_to_end_in_every_spelling(rule, first, last):
    for address in (first, last):
        for spelling in (address, address.upper(), f"{address}%eth0"):
            assert verdict(spelling, 443) == Verdict(spelling, rule)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.1"),
        *("128.0.0.0", "168.63.129.15", "172.15.255.255", "172.32.0.0", "192.167.255.255"),
        *("198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2400:cb00::1"),
        *("2001:200::", "2003::1", "3ffe::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"),
    ],
)
def test_a_public_address_is_allowed(address):
    assert verdict(address, 443) == Verdict(address)
    assert verdict(address, 443).is_allowed


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "localhost", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1"),
        *("010.0.0.1", "127.0.0.1 ", "[::1]", "[127.0.0.1]", "::1::", "1.2.3.4.5", "%eth0", "::g"),
        *("127.0.0.1:80", "１２７.0.0.1", "127\u30020.0.1", "1.1.1.1\0"),  # noqa: RUF001 - full-width digits
    ],
)
def test_whatever_is_not_an_address_as_sockets_write_it_is_forbidden(text):
    assert verdict(text, 443, parse_networks("0.0.0.0/0,::/0")).rule == "not_an_address"


def test_an_allowed_network_opens_all_its_ports_and_all_spellings_of_its_addresses():
    allowed = parse_networks("10.1.0.0/16")
    for spelling in spellings("10.1.2.3"):
        assert verdict(spelling, 8400, allowed).is_allowed
    for spelling in spellings("10.2.0.0"):
        assert verdict(spelling, 8400, allowed).rule == "private"


def test_an_allowed_port_opens_no_other_port():
    allowed = parse_networks("127.0.0.1:8400, [fd00::/8]:443")
    assert verdict("127.0.0.1", 8400, allowed).is_allowed
    assert verdict("::ffff:127.0.0.1", 8400, allowed).is_allowed
    assert verdict("127.0.0.1", 8401, allowed).rule == "loopback"
    assert verdict("127.0.0.2", 8400, allowed).rule == "loopback"
    assert verdict("fd12::1", 443, allowed).is_allowed
    assert verdict("fd12::1", 80, allowed).rule == "private"


def test_a_mapped_network_can_be_allowed_as_it_is_written():
    assert verdict("::ffff:10.0.0.1", 1, parse_networks("::ffff:10.0.0.1")).is_allowed
    assert not verdict("10.0.0.1", 1, parse_networks("::ffff:10.0.0.1")).is_allowed


def test_metadata_services_are_named_before_the_range_they_lie_in():
    assert verdict("169.254.169.254", 80).rule == "metadata"
    assert verdict("169.254.169.253", 80).rule == "link_local"


@pytest.mark.parametrize(
    ("url", "allow_http", "is_enough"),
    [
        ("https://a.example/", False, True),
        ("HTTPS://a.example/", False, True),
        ("http://a.example/", False, False),
        ("http://a.example/", True, True),
        ("https//a.example", False, False),
    ],
)
def test_plain_http_needs_an_operator(url, allow_http, is_enough):
    assert is_secure_enough(url, allow_http=allow_http) is is_enough
