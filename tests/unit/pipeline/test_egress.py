"""Egress: every special range, in every spelling, and what an operator's allow-list opens."""

import ipaddress
import re

import pytest

from pipeline.egress import Verdict, url_faults, url_verdict, verdict
from pipeline.settings import parse_networks
from pipeline.special_networks import FORBIDDEN_PORTS, SPECIAL
from tests.support.modules import ROOT
from tests.support.spellings import equal_forms, host_spellings

# Two addresses of each range: its first and its last. Written out again, so that a row of the
# table cannot change or go without a test that says so.
FORBIDDEN_V4 = [
    ("unspecified", "0.0.0.0", "0.255.255.255"),  # noqa: S104 - an address to refuse
    ("private", "10.0.0.0", "10.255.255.255"),
    ("shared", "100.64.0.0", "100.127.255.255"),
    ("metadata", "100.100.100.200", "100.100.100.200"),
    ("loopback", "127.0.0.0", "127.255.255.255"),
    ("metadata", "168.63.129.16", "169.254.169.254"),
    ("link_local", "169.254.0.0", "169.254.255.255"),
    ("metadata", "169.254.170.2", "169.254.170.23"),
    ("private", "172.16.0.0", "172.31.255.255"),
    ("reserved", "192.0.0.0", "192.0.0.255"),
    ("metadata", "192.0.0.192", "192.0.0.192"),
    ("documentation", "192.0.2.0", "192.0.2.255"),
    ("6to4", "192.88.99.0", "192.88.99.255"),
    ("private", "192.168.0.0", "192.168.255.255"),
    ("benchmark", "198.18.0.0", "198.19.255.255"),
    ("documentation", "198.51.100.0", "198.51.100.255"),
    ("documentation", "203.0.113.0", "203.0.113.255"),
    ("multicast", "224.0.0.0", "239.255.255.255"),
    ("reserved", "240.0.0.0", "255.255.255.254"),
    ("broadcast", "255.255.255.255", "255.255.255.255"),
]
FORBIDDEN_V6 = [
    ("unspecified", "::", "::"),
    ("loopback", "::1", "0:0:0:0:0:0:0:1"),
    ("compatible", "::2", "::127.0.0.1"),
    ("compatible", "::8.8.8.8", "::ffff:ffff"),
    ("reserved", "::1:0:0:0", "::fffe:0:0"),
    ("translated", "::ffff:0:0:0", "::ffff:0:127.0.0.1"),
    ("reserved", "0:1::", "ff:ffff::1"),
    ("nat64", "64:ff9b::8.8.8.8", "64:ff9b::1.1.1.1"),
    ("nat64", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    ("reserved", "64:ff9b:2::", "64:ff9b:ffff::"),
    ("discard", "100::", "100::ffff:ffff:ffff:ffff"),
    ("reserved", "100:0:0:1::", "1fff:ffff::"),
    ("reserved", "200::1", "3ff:ffff::1"),
    ("teredo", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("reserved", "2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("documentation", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("6to4", "2002::", "2002:7f00:1::"),
    ("6to4", "2002:808:808::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("documentation", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("reserved", "4000::1", "dfff:ffff::1"),
    ("segment_routing", "5f00::", "5f00:ffff::"),
    ("private", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("metadata", "fd00:ec2::254", "fd00:0ec2:0:0:0:0:0:23"),
    ("metadata", "fd20:ce::254", "fd20:ce::254"),
    ("link_local", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("site_local", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("reserved", "fe00::1", "fe7f::1"),
    ("multicast", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
]


@pytest.mark.parametrize(("rule", "first", "last"), FORBIDDEN_V4)
def test_a_special_ipv4_range_is_forbidden_from_end_to_end_in_every_form(rule, first, last):
    for address in (first, last):
        for form in equal_forms(address):
            assert verdict(form, 443).rule == rule, form
        assert verdict(f"64:ff9b::{address}", 443).rule == rule


@pytest.mark.parametrize(("rule", "first", "last"), FORBIDDEN_V6)
def test_a_special_ipv6_range_is_forbidden_from_end_to_end_in_every_form(rule, first, last):
    for address in (first, last):
        for form in (address, address.upper(), f"{address}%eth0"):
            assert verdict(form, 443).rule == rule, form


def test_every_row_of_the_table_is_tried_above():
    tried = {ipaddress.ip_address(at) for _, *ends in FORBIDDEN_V4 + FORBIDDEN_V6 for at in ends}
    untried = [row for row in SPECIAL if not any(at in row.network for at in tried)]
    assert untried == []


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.1"),
        *("128.0.0.0", "168.63.129.15", "172.15.255.255", "172.32.0.0", "192.167.255.255"),
        *("198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2400:cb00::1"),
        *("2001:200::", "2003::1", "3ffe::1", "::ffff:1.1.1.1"),
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


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("10.1.2.3", "10.1.2.3 is refused (private): 10.0.0.0/8 is for private networks, RFC 1918"),
        ("168.63.129.16", "168.63.129.16 is refused (metadata): it is for Azure's host services"),
        (
            "4000::1",
            "4000::1 is refused (reserved): it is for later use: the Internet has 2000::/3 only",
        ),
    ],
)
def test_a_refusal_names_the_rule_the_address_and_the_network(address, sentence):
    assert str(verdict(address, 443)) == sentence


def test_a_refusal_of_another_form_names_what_that_stands_for():
    why = verdict("::ffff:7f00:1", 443).why
    assert why == "it stands for 127.0.0.1; 127.0.0.0/8 is for this machine itself"


def test_an_allowed_network_opens_all_its_ports_and_all_forms_of_its_addresses():
    allowed = parse_networks("10.1.0.0/16")
    for form in equal_forms("10.1.2.3"):
        assert verdict(form, 8400, allowed).is_allowed
    for form in equal_forms("10.2.0.0"):
        assert verdict(form, 8400, allowed).rule == "private"


def test_an_allowed_port_opens_no_other_port():
    allowed = parse_networks("127.0.0.1:8400, [fd00::/8]:443")
    assert verdict("127.0.0.1", 8400, allowed).is_allowed
    assert verdict("::ffff:127.0.0.1", 8400, allowed).is_allowed
    assert verdict("127.0.0.1", 8401, allowed).rule == "loopback"
    assert verdict("127.0.0.2", 8400, allowed).rule == "loopback"
    assert verdict("fd12::1", 443, allowed).is_allowed
    assert verdict("fd12::1", 80, allowed).rule == "private"


def test_a_mapped_network_can_be_allowed_as_it_is_written():
    assert verdict("::ffff:10.0.0.1", 1024, parse_networks("::ffff:10.0.0.1")).is_allowed
    assert not verdict("10.0.0.1", 1024, parse_networks("::ffff:10.0.0.1")).is_allowed


def test_an_allowed_translator_opens_nothing_that_is_forbidden_behind_it():
    allowed = parse_networks("64:ff9b::/96")
    assert verdict("64:ff9b::8.8.8.8", 443, allowed).is_allowed
    assert verdict("64:ff9b::10.0.0.1", 443, allowed).rule == "private"
    both = parse_networks("64:ff9b::/96,10.0.0.0/8")
    assert verdict("64:ff9b::10.0.0.1", 443, both).is_allowed
    assert verdict("64:ff9b::10.0.0.1", 443, parse_networks("10.0.0.0/8")).rule == "nat64"


def test_metadata_services_are_named_before_the_range_they_lie_in():
    assert verdict("169.254.169.254", 80).rule == "metadata"
    assert verdict("169.254.169.253", 80).rule == "link_local"


@pytest.mark.parametrize("port", [25, 465, 587, 22, 23, 3306, 5432, 6379, 9092, 11211, 27017])
def test_a_port_of_another_protocol_is_forbidden_on_any_address(port):
    for address in ("1.1.1.1", "2606:4700::1111"):
        assert verdict(address, port).rule == "port"
        assert f"port {port} is for {FORBIDDEN_PORTS[port]}" in str(verdict(address, port))


def test_the_usual_ports_of_web_servers_are_not_forbidden():
    usual = {80, 443, 3000, 4000, 5000, 8000, 8008, 8080, 8081, 8088, 8443, 8888, 9000, 9443, 10443}
    assert usual.isdisjoint(FORBIDDEN_PORTS)


def test_a_forbidden_port_is_opened_by_an_entry_that_names_it_and_by_no_other():
    assert verdict("10.0.0.1", 25, parse_networks("10.0.0.0/8")).rule == "port"
    assert verdict("10.0.0.1", 25, parse_networks("10.0.0.0/8:587")).rule == "private"
    assert verdict("10.0.0.1", 25, parse_networks("10.0.0.0/8:25")).is_allowed
    assert verdict("1.1.1.1", 25, parse_networks("1.1.1.1:25")).is_allowed
    assert verdict("1.1.1.2", 25, parse_networks("1.1.1.1:25")).rule == "port"
    translated = parse_networks("64:ff9b::/96,1.1.1.1:25")
    assert verdict("64:ff9b::1.1.1.1", 25, translated).rule == "port"


@pytest.mark.parametrize("host", host_spellings("127.0.0.1"))
def test_a_literal_is_refused_before_any_look_up_in_every_spelling(host):
    found = url_verdict(f"https://{host}/in", allow_http=False)
    assert found.rule == "loopback"
    assert "127.0.0.1" in str(found) or "::1" in str(found)
    (fault,) = url_faults(f"https://{host}/in", allow_http=False)
    assert "(loopback)" in fault
    assert "HOOKLINE_EGRESS_ALLOW" in fault


@pytest.mark.parametrize("host", host_spellings("8.8.8.8")[1:])
def test_a_public_address_in_an_odd_spelling_is_refused_with_the_right_one(host):
    (fault,) = url_faults(f"https://{host}/", allow_http=False)
    assert fault.endswith("is refused (spelling): write the address as 8.8.8.8")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("https://hooks.example.com/in?id={{id}}", ""),
        ("https://hooks.example.com:8443/{{name/of}}#@x", ""),
        ("HTTPS://HOOKS.EXAMPLE.COM.", ""),
        ("https://xn--bcher-kva.example/", ""),
        ("https://8.8.8.8:443", ""),
        ("https://[2606:4700::1111]:/", ""),
        ("http://hooks.example.com/", "insecure"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://[fe80::1%25eth0]/", "link_local"),
        ("https://[2606:4700::1111%25eth0]/", "spelling"),
        ("https://[::ffff:0x7f.1]/", "not_an_address"),
        ("https://localhost/", "loopback"),
        ("https://LOCALHOST./", "loopback"),
        ("https://api.localhost/", "loopback"),
        ("https://1.2.3.4.5/", "not_an_address"),
        ("https://256.1.1.1/", "not_an_address"),
        ("https://1.1.1.256/", "not_an_address"),
        ("https://4294967296/", "not_an_address"),
        (f"https://{'9' * 200}/", "not_an_address"),
        ("https://0x/", "unspecified"),
        ("https://127.0.0.08/", "not_an_address"),
        ("https://a.example.1/", "not_an_address"),
        ("https://1_0.1/", "not_an_address"),
        ("https://bücher.example/", "spelling"),
        ("https://a%2eexample/", "spelling"),
        ("https://127.0.0.1%00/", "spelling"),
        ("https://hooks.example.com:25/", "port"),
        ("https://8.8.8.8:6379/", "port"),
    ],
)
def test_a_url_has_a_verdict_without_a_look_up(url, rule):
    assert url_verdict(url, allow_http=False).rule == rule
    assert bool(url_faults(url, allow_http=False)) == bool(rule)


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example.com", "https:/a.example", "ftp://a.example/", "https:///path"),
        *("https://user@a.example/", "https://a.example\\@b.example/", "https://a.example:x/"),
        *("https://[8.8.8.8]/", "https://[v1.a]/", "https://[::1/", "https://::1/", "https://./"),
        *("https://a.example:0/", "https://a.example:65536/", "https://a.example:123456/"),
        *("https://a\texample/", "https://a example/", "https://a\x7f.example/", "https://\u200b/"),
    ],
)
def test_a_text_that_leads_nowhere_is_a_fault(url):
    with pytest.raises(ValueError, match=r"^(has|must start with https://) "):
        url_verdict(url, allow_http=True)
    (fault,) = url_faults(url, allow_http=True)
    assert fault


def test_all_faults_of_a_url_are_found_at_once():
    insecure, private = url_faults("http://10.0.0.1/", allow_http=False)
    assert "HOOKLINE_ALLOW_HTTP" in insecure
    assert "10.0.0.1 is refused (private)" in private


def test_saving_knows_the_allow_list():
    allowed = parse_networks("127.0.0.1:8400,10.0.0.0/8:25")
    for url in ("https://127.0.0.1:8400/", "https://localhost:8400/", "https://mail.example:25/"):
        assert url_faults(url, allow_http=False, allowed=allowed) == ()
    for url in ("https://127.0.0.1:8401/", "https://localhost/", "https://mail.example:587/"):
        assert len(url_faults(url, allow_http=False, allowed=allowed)) == 1


def test_a_refusal_says_how_an_operator_can_allow_it():
    (private,) = url_faults("https://10.0.0.1/", allow_http=False)
    assert private.endswith("; an operator can allow it by HOOKLINE_EGRESS_ALLOW")
    (port,) = url_faults("https://a.example:25/", allow_http=False)
    assert port.endswith("allow it by an entry with port 25 in HOOKLINE_EGRESS_ALLOW")


def test_plain_http_is_a_matter_of_the_deployment():
    assert url_verdict("http://a.example/", allow_http=True).is_allowed
    assert url_verdict("http://a.example/", allow_http=False).rule == "insecure"


def test_the_page_lists_every_rule_network_and_port():
    text = (ROOT / "docs" / "egress.md").read_text(encoding="utf-8")
    rules, ports = text.split("## Ports")
    listed = {int(number) for number in re.findall(r"\d+", ports.partition("## What an")[0])}
    assert set(FORBIDDEN_PORTS) == listed
    for row in SPECIAL:
        (line,) = [line for line in rules.splitlines() if line.startswith(f"| `{row.rule}`")]
        assert str(row.network).removesuffix("/32").removesuffix("/128") in line, row
