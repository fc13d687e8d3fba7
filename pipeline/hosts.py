"""The address that a URL's host spells, in whatever way some look-up or parser would accept it.

Sockets know `127.0.0.1` as `2130706433`, `0x7f.1` and `0177.0.0.1` too; name look-up folds digits
of other alphabets and drops invisible characters before it asks. Here all of them are one address.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from pipeline.special_networks import Address

# scheme://host:port of a URL, whatever follows; with brackets around an IPv6 address only.
_AUTHORITY: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[^\[\]@/?#]*:[^\[\]@/?#]*\]|[^\[\]@:/?#]+)"
    r"(?::(?P<port>[0-9]{0,5}))?(?=[/?#]|\Z)",
    re.IGNORECASE,
)
# Parsers differ in what these mean (`\` is a slash to browsers), so they mean nothing here.
_AMBIGUOUS: Final = re.compile(r"[\x00-\x20\x7f\\]")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PORT_MAX: Final = 65_535

# A last label of digits, or of hexadecimal digits after 0x, makes a host an IPv4 address or nothing
# (url.spec.whatwg.org, "ends in a number").
_ENDS_IN_A_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PARTS_MAX: Final = 4
# Longer numbers are no address, and costly to read.
_DIGITS_MAX: Final = 64
_DOTS: Final = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads before any look-up: `host` as written (without brackets), and the port."""

    scheme: str
    host: str
    port: int


def target_of(url: str) -> Target:
    """Scheme, host and port of a URL, or of its template; raises ValueError with what is wrong."""
    found = _AUTHORITY.match(url)
    if found is None:
        raise ValueError("must start with https:// and a host, without a user name")
    if _AMBIGUOUS.search(found[0]):
        raise ValueError("has a blank, a backslash or a control character in its host")
    scheme = found["scheme"].lower()
    port = int(found["port"]) if found["port"] else _DEFAULT_PORTS[scheme]
    if not folded(found["host"]):
        raise ValueError("has no host")
    if not 0 < port <= _PORT_MAX:
        raise ValueError(f"has no port between 1 and {_PORT_MAX} after its host")
    return Target(scheme, found["host"].removeprefix("[").removesuffix("]"), port)


def folded(host: str) -> str:
    """A host as name look-up reads it: percent-decoded, one alphabet, nothing invisible."""
    text = unicodedata.normalize("NFKC", unquote(host).translate(_DOTS))
    seen = "".join(each for each in text if not _is_ignored(each))
    return seen.lower().removesuffix(".")


def address_in(host: str) -> Address | None:
    """The address that a host spells; None for a name. Raises ValueError when it can be neither."""
    text = folded(host)
    if ":" in text:
        return ipaddress.IPv6Address(text.partition("%")[0])
    if not _ENDS_IN_A_NUMBER.fullmatch(text):
        return None
    parts = text.split(".")
    if len(parts) > _PARTS_MAX or len(text) > _DIGITS_MAX:
        raise ValueError("no address has so many digits")
    *firsts, last = map(_number, parts)
    left = _PARTS_MAX - len(firsts)  # the last number fills the bytes that are left
    if any(number > 255 for number in firsts) or last >= 256**left:  # noqa: PLR2004 - a byte
        raise ValueError("no address has such numbers")
    high = sum(number << 8 * (3 - place) for place, number in enumerate(firsts))
    return ipaddress.IPv4Address(high + last)


def _is_ignored(character: str) -> bool:
    """Whether look-up drops it: format characters and variation selectors (RFC 3454, B.1)."""
    is_selector = "\ufe00" <= character <= "\ufe0f" or character in "\u034f\u1806"
    return is_selector or unicodedata.category(character) == "Cf"


def _number(text: str) -> int:
    """A part of an address as C reads it: hexadecimal after 0x, octal after 0, or decimal."""
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)
