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
        "x-ctm-signature",
        "x-ctm-time",
    }
)


# A token such as {{id}} or {{ sale.value }}; it stands for a value only in the path and the query.
TOKEN: Final = re.compile(r"\{\{([^{}]*)\}\}")


def _url(url: str) -> str:
    bare = TOKEN.sub("token", url)
    if any(braces in bare for braces in ("{{", "}}", "{token", "token}")):
        raise ValueError("a token is two braces, a name and two braces: {{id}}")
    if re.search(r"[\x00-\x20\x7f]", bare):
        raise ValueError("has a blank or a control character; write a space as %20")
    try:
        parts = urlsplit(bare)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"not a URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a full URL that starts with https:// and names a host")
    if TOKEN.search(url[: url_authority_end(url)]):
        raise ValueError("no token may stand in the scheme, host or port")
    if parts.username is not None or parts.password is not None:
        raise ValueError("has a user name; put it into basic_auth, where it is kept secret")
    if port == 0:
        raise ValueError("port 0 cannot be connected to")
    return url


def url_authority_end(url: str) -> int:
    """Where a full URL's host and port end: at its first slash, question mark or number sign."""
    after_scheme = url.find("://") + len("://")
    end = re.search(r"[/?#]", url[after_scheme:])
    return len(url) if end is None else after_scheme + end.start()


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
    Field(max_length=URL_CHARACTERS_MAX, json_schema_extra={"format": "uri-template"}),
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

_TYPE: Final = (
    r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+( *; *[A-Za-z0-9_-]+=[^\x00-\x20\x7f;]+)*"
)


def _content_type(text: str) -> str:
    if not re.fullmatch(_TYPE, text):
        raise ValueError("must be a media type such as application/json")
    return text


ContentType = Annotated[
    str,
    Field(max_length=200, json_schema_extra={"pattern": f"^{_TYPE}$"}),
    AfterValidator(_content_type),
]
