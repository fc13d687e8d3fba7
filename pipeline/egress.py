"""Which addresses a request may reach: the one guard for saving, testing and delivering.

An explicit table, since `ipaddress.is_global` calls many special addresses global (NAT64, 6to4,
multicast, Azure's metadata address …). A mapped or NAT64 address gets the verdict of the IPv4
address in it; tunnels are refused. An operator's allow-list, and nothing else, makes an exception.
Sources: the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890), and what peers block.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from pipeline.settings import AllowedNetwork

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# (rule, network): the rule's name is what logs, metrics and users see.
_FORBIDDEN_V4: Final = tuple(
    (rule, ipaddress.IPv4Network(network))
    for rule, network in (
        ("unspecified", "0.0.0.0/8"),
        ("private", "10.0.0.0/8"),
        ("shared", "100.64.0.0/10"),
        ("loopback", "127.0.0.0/8"),
        ("metadata", "168.63.129.16/32"),  # Azure's host services
        ("metadata", "169.254.169.254/32"),
        ("link_local", "169.254.0.0/16"),
        ("private", "172.16.0.0/12"),
        ("reserved", "192.0.0.0/24"),
        ("documentation", "192.0.2.0/24"),
        ("reserved", "192.88.99.0/24"),
        ("private", "192.168.0.0/16"),
        ("benchmark", "198.18.0.0/15"),
        ("documentation", "198.51.100.0/24"),
        ("documentation", "203.0.113.0/24"),
        ("multicast", "224.0.0.0/4"),
        ("reserved", "240.0.0.0/4"),
    )
)
_FORBIDDEN_V6: Final = tuple(
    (rule, ipaddress.IPv6Network(network))
    for rule, network in (
        ("unspecified", "::/128"),
        ("loopback", "::1/128"),
        ("discard", "100::/64"),
        ("reserved", "2001::/23"),
        ("documentation", "2001:db8::/32"),
        ("tunnel", "2002::/16"),  # 6to4; Teredo lies in 2001::/23
        ("documentation", "3fff::/20"),
        ("metadata", "fd00:ec2::254/128"),
        ("private", "fc00::/7"),
        ("link_local", "fe80::/10"),
        ("site_local", "fec0::/10"),
        ("multicast", "ff00::/8"),
    )
)
# All that was ever handed out for use on the Internet; what lies outside is special or reserved,
# and some of it is in use for networks of somebody's own (Yggdrasil takes 200::/7).
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of an address; `rule` is empty when it is allowed."""

    address: str
    rule: str = ""

    @property
    def is_allowed(self) -> bool:
        """Whether a request may go there."""
        return not self.rule


def is_secure_enough(url: str, *, allow_http: bool) -> bool:
    """Whether a URL's scheme may be used: https, or http where an operator allows it."""
    return allow_http or url.lower().startswith("https://")


def verdict(address: str, port: int, allowed: tuple[AllowedNetwork, ...] = ()) -> Verdict:
    """What the rules say of an IP address in any spelling that a socket would be given."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Verdict(address, "not_an_address")
    carried = _carried_v4(ip)
    if any(_is_listed(form, port, allowed) for form in {ip, carried}):
        return Verdict(address)
    return Verdict(address, _rule(carried))


def _is_listed(ip: Address, port: int, allowed: tuple[AllowedNetwork, ...]) -> bool:
    return any(
        ip.version == entry.network.version and ip in entry.network and entry.port in (None, port)
        for entry in allowed
    )


def _carried_v4(ip: Address) -> Address:
    """The IPv4 address inside a mapped or NAT64 one, or the address itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF) if ip in _NAT64 else ip


def _rule(ip: Address) -> str:
    table = _FORBIDDEN_V4 if ip.version == 4 else _FORBIDDEN_V6  # noqa: PLR2004 - IPv4
    rule = next((rule for rule, network in table if ip in network), "")
    if not rule and isinstance(ip, ipaddress.IPv6Address) and ip not in _GLOBAL_UNICAST:
        return "reserved"
    return rule
