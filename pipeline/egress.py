"""Where a request may go: the one guard for saving, testing and delivering.

An address is judged by the table of `special_networks`, in whatever form it comes: a mapped address
is the IPv4 address in it, and a translated one must pass twice, as itself and as the one behind.
An operator's allow-list, and nothing else, makes an exception; of a port only an entry that names
that port.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from pipeline.hosts import Target, address_in, folded, target_of
from pipeline.settings import AllowedNetwork
from pipeline.special_networks import FORBIDDEN_PORTS, NAT64, Address, special

Allowed = tuple[AllowedNetwork, ...]

_LOCALHOST: Final = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of `address`; `rule` is empty when it is allowed, `why` says it in words.

    The reason code of a request that was not sent is `egress_` and the rule.
    """

    address: str
    rule: str = ""
    why: str = ""

    @property
    def is_allowed(self) -> bool:
        """Whether a request may go there."""
        return not self.rule

    def __str__(self) -> str:
        """The sentence for users: the address, the rule, and why."""
        return f"{self.address} is refused ({self.rule}): {self.why}"


def verdict(address: str, port: int, allowed: Allowed = ()) -> Verdict:
    """What the rules say of an IP address as sockets write it (without brackets), and a port."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Verdict(address, "not_an_address", "no socket connects to it as it is written")
    for form, names in _forms(ip):
        row = None if _is_listed(names, port, allowed) else special(form)
        if row is not None:
            carried = "" if form == ip else f"it stands for {form}; "
            return Verdict(address, row.rule, f"{carried}{row.why}")
        if port in FORBIDDEN_PORTS and not _is_listed(names, port, _with_port(allowed)):
            return Verdict(address, "port", _of_port(port))
    return Verdict(address)


def url_verdict(url: str, *, allow_http: bool, allowed: Allowed = ()) -> Verdict:
    """What can be said of a URL (or its template) without a look-up: scheme, literal and port.

    Raises ValueError for a text that leads nowhere.
    """
    target = target_of(url)
    if target.scheme == "http" and not allow_http:
        return Verdict(target.host, "insecure", _INSECURE)
    return _of_host(target, allowed)


def url_faults(url: str, *, allow_http: bool, allowed: Allowed = ()) -> tuple[str, ...]:
    """Why a URL (or its template) cannot be saved: all that is known without a look-up."""
    try:
        target = target_of(url)
    except ValueError as error:
        return (str(error),)
    found = _of_host(target, allowed)
    faults = [] if allow_http or target.scheme == "https" else [_INSECURE]
    return (*faults, *([] if found.is_allowed else [f"{found}{_remedy(found, target.port)}"]))


_INSECURE: Final = "plain http:// is refused; use https://, or set HOOKLINE_ALLOW_HTTP=true"
_UNREADABLE: Final = frozenset({"not_an_address", "spelling"})


def _remedy(refused: Verdict, port: int) -> str:
    if refused.rule in _UNREADABLE:
        return ""
    entry = f"an entry with port {port} in HOOKLINE_EGRESS_ALLOW"
    way = entry if refused.rule == "port" else "HOOKLINE_EGRESS_ALLOW"
    return f"; an operator can allow it by {way}"


def _of_host(target: Target, allowed: Allowed) -> Verdict:
    try:
        literal = address_in(target.host)
    except ValueError:
        return Verdict(target.host, "not_an_address", "its numbers make no address")
    return _of_name(target, allowed) if literal is None else _of_literal(target, literal, allowed)


def _of_literal(target: Target, literal: Address, allowed: Allowed) -> Verdict:
    host, found = target.host, verdict(str(literal), target.port, allowed)
    is_plain = host == str(literal) if literal.version == 4 else host.isascii() and "%" not in host  # noqa: PLR2004 - IPv4
    if is_plain:
        return Verdict(host, found.rule, found.why)
    if found.is_allowed:
        return Verdict(host, "spelling", f"write the address as {literal}")
    return Verdict(host, found.rule, f"it stands for {literal}; {found.why}")


def _of_name(target: Target, allowed: Allowed) -> Verdict:
    host, name = target.host, folded(target.host)
    if not host.isascii() or "%" in host:
        return Verdict(host, "spelling", "write the host name in ASCII, as DNS has it (xn--…)")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, 6.3
        local = [verdict(str(ip), target.port, allowed) for ip in _LOCALHOST]
        if not any(each.is_allowed for each in local):
            return Verdict(host, local[0].rule, f"it stands for {local[0].address}; {local[0].why}")
    is_listed = any(entry.port == target.port for entry in allowed)  # for whom, the look-up says
    if target.port in FORBIDDEN_PORTS and not is_listed:
        return Verdict(host, "port", _of_port(target.port))
    return Verdict(host)


def _of_port(port: int) -> str:
    return f"port {port} is for {FORBIDDEN_PORTS[port]}"


def _forms(ip: Address) -> tuple[tuple[Address, frozenset[Address]], ...]:
    """The addresses that must all pass, each with the names it may have on an allow-list."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return ((ip.ipv4_mapped, frozenset({ip, ip.ipv4_mapped})),)
        if ip in NAT64:
            behind = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
            return ((behind, frozenset({behind})), (ip, frozenset({ip})))
    return ((ip, frozenset({ip})),)


def _is_listed(names: frozenset[Address], port: int, allowed: Allowed) -> bool:
    return any(
        name.version == entry.network.version
        and name in entry.network
        and entry.port in (None, port)
        for entry in allowed
        for name in names
    )


def _with_port(allowed: Allowed) -> Allowed:
    return tuple(entry for entry in allowed if entry.port is not None)
