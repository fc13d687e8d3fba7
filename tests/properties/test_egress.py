"""No address in a special range is allowed, in any spelling; the registry in Python agrees."""

import ipaddress

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.egress import verdict
from pipeline.settings import parse_networks

v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6)
ports = st.integers(min_value=1, max_value=65_535)


def is_special(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """What Python knows of the registries: less than our table, and all of it must be in ours."""
    return (
        not address.is_global
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or getattr(address, "is_site_local", False)
    )


def spelled(address: ipaddress.IPv4Address) -> list[str]:
    number = int(address)
    return [
        str(address),
        str(ipaddress.IPv6Address((0xFFFF << 32) | number)),
        ipaddress.IPv6Address((0xFFFF << 32) | number).exploded.upper(),
        f"::ffff:{address}%1",
        str(ipaddress.IPv6Address((0x64_FF9B << 96) | number)),
    ]


@given(address=v4)
@example(address=ipaddress.IPv4Address("192.88.99.1"))
@example(address=ipaddress.IPv4Address("168.63.129.16"))
def test_all_spellings_of_an_ipv4_address_have_one_verdict(address):
    rules = {verdict(spelling, 443).rule for spelling in spelled(address)}
    assert len(rules) == 1
    if is_special(address):
        assert rules != {""}


@given(address=v6)
@example(address=ipaddress.IPv6Address("200::1"))
@example(address=ipaddress.IPv6Address("100:0:0:1::"))
def test_no_ipv6_address_outside_global_unicast_is_allowed(address):
    for spelling in (str(address), address.exploded, address.exploded.upper(), f"{address}%eth0"):
        is_allowed = verdict(spelling, 443).is_allowed
        carries_v4 = address.ipv4_mapped is not None or str(address).startswith("64:ff9b::")
        if not carries_v4 and (is_special(address) or address.exploded[0] not in "23"):
            assert not is_allowed


@given(address=v4 | v6, port=ports, other=ports)
def test_an_allow_list_opens_just_what_it_names(address, port, other):
    text = f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}"
    allowed = parse_networks(text)
    assert verdict(str(address), port, allowed).is_allowed
    if other != port:
        assert verdict(str(address), other, allowed) == verdict(str(address), other)


@given(text=st.text(max_size=30) | st.text("0123456789abcdefx.:%[]/", max_size=30))
def test_any_text_gets_a_verdict(text):
    if verdict(text, 443).is_allowed:
        assert ipaddress.ip_address(text.partition("%")[0])
