"""Field types for what goes into a request line and its headers: URLs, header names and values."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

# Longer request lines are refused by common servers (nginx and Apache stop at 8 KiB).
URL_CHARACTERS_MAX: Final = 4_096
HEADER_CHARACTERS_MAX: Final = 4_096

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2
_VALUE: Final = re.compile(r"[\x20-\x7e\t]*")

# Hookline sets these itself, or HTTP does: another value would break the message or its proof.
_RESERVED: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)


def _url(url: str) -> str:
    if re.search(r"[\x00-\x20\x7f]", url):
        raise ValueError("has a blank or a control character; write a space as %20")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"not a URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a full URL that starts with https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a user name; put it into basic_auth, where it is kept secret")
    if port == 0:
        raise ValueError("port 0 cannot be connected to")
    if "{{" in url:
        raise ValueError("tokens such as {{id}} are not replaced in this version")
    return url


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError("not a header name: letters, digits and - only")
    if name.lower() in _RESERVED:
        raise ValueError(f"{name} is set by Hookline itself")
    return name


def _header_value(value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise ValueError("only printable ASCII is allowed, no line breaks")
    return value


Url = Annotated[
    str,
    Field(max_length=URL_CHARACTERS_MAX, json_schema_extra={"format": "uri"}),
    AfterValidator(_url),
]
HeaderName = Annotated[
    str,
    Field(max_length=200, json_schema_extra={"pattern": f"^{_TOKEN.pattern}$"}),
    AfterValidator(_header_name),
]
HeaderValue = Annotated[
    str,
    Field(max_length=HEADER_CHARACTERS_MAX, json_schema_extra={"pattern": f"^{_VALUE.pattern}$"}),
    AfterValidator(_header_value),
]
