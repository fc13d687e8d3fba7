"""No address in a special range is allowed, in any spelling; the registry in Python agrees."""

import ipaddress
import socket

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.egress import url_faults, url_verdict, verdict
from pipeline.hosts import address_in
from pipeline.settings import parse_networks
from tests.support.spellings import equal_forms, host_spellings

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


@given(address=v4)
@example(address=ipaddress.IPv4Address("192.88.99.1"))
@example(address=ipaddress.IPv4Address("168.63.129.16"))
def test_all_forms_of_an_ipv4_address_have_one_verdict(address):
    rules = {verdict(form, 443).rule for form in equal_forms(str(address))}
    assert len(rules) == 1
    if is_special(address):
        assert rules != {""}


@given(address=v4)
@example(address=ipaddress.IPv4Address(0))
@example(address=ipaddress.IPv4Address("255.255.255.255"))
def test_every_spelling_of_a_host_is_read_as_its_address(address):
    for spelling in host_spellings(str(address)):
        assert address_in(spelling) == address, spelling


@given(host=st.text("0123456789abcdefxX._-%\u3002\uff11\u00ad", min_size=1, max_size=20))
@example(host="0x7f.1")
@example(host="0127.0.0x1")
def test_whatever_the_system_takes_for_a_number_is_read_as_that_address(host):
    """Against the C library itself; it is told to look nothing up."""
    try:
        system = socket.getaddrinfo(host, 443, socket.AF_INET, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return
    assert {ipaddress.IPv4Address(found[4][0]) for found in system} == {address_in(host)}


@given(address=v6)
@example(address=ipaddress.IPv6Address("200::1"))
@example(address=ipaddress.IPv6Address("100:0:0:1::"))
@example(address=ipaddress.IPv6Address("64:ff9b::808:808"))
def test_no_ipv6_address_outside_global_unicast_is_allowed(address):
    for spelling in (str(address), address.exploded, address.exploded.upper(), f"{address}%eth0"):
        is_allowed = verdict(spelling, 443).is_allowed
        is_mapped = address.ipv4_mapped is not None
        if not is_mapped and (is_special(address) or address.exploded[0] not in "23"):
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


@given(url=st.text(max_size=40).map("https://".__add__) | st.text(max_size=40))
def test_any_url_has_faults_or_none_and_saving_agrees_with_sending(url):
    faults = url_faults(url, allow_http=False)
    try:
        is_allowed = url_verdict(url, allow_http=False).is_allowed
    except ValueError:
        is_allowed = False
    assert is_allowed == (faults == ())
