"""The fields of a `multipart/form-data` body (RFC 7578). A file is told of, not kept.

It is read as bytes between boundaries and nothing is guessed: a body that breaks off, or a part
without a name, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from schemas.codec import Fault, Malformed

MULTIPART: Final = "multipart/form-data"
# The headers of a real part have a few hundred.
PART_HEADER_BYTES_MAX: Final = 8 * 1024

# RFC 2046 allows these characters, 70 at most, none of them a blank at the end.
_BOUNDARY: Final = re.compile(
    r";\s*boundary=(?:\"([^\"\r\n]{1,70})\"|([^\s\";,]{1,70}))", re.IGNORECASE
)
_PARAMETER: Final = re.compile(r";\s*([\w*-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^;\s]*))")
_CHARSETS: Final = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252"})


def parse_multipart(content_type: str, body: bytes, *, fields_max: int) -> list[tuple[str, Any]]:
    """The fields in order; a file is `{filename, content_type, bytes}`. Raises `Malformed`."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _malformed("the content type names no boundary")
    boundary = f"\r\n--{found[1] or found[2]}".encode(errors="replace")
    pieces = (b"\r\n" + body).split(boundary, fields_max + 2)
    if len(pieces) > fields_max + 2:
        raise _malformed(f"a form has at most {fields_max} fields")
    return [*_parts(pieces[1:])]


def _parts(pieces: list[bytes]) -> Iterator[tuple[str, Any]]:
    """The part in each piece until the closing boundary, whose piece begins with two dashes."""
    for piece in pieces:
        if piece.startswith(b"--"):
            return
        head, blank_line, content = piece.partition(b"\r\n\r\n")
        if not blank_line:
            raise _malformed("a part of the form breaks off in its headers")
        if len(head) > PART_HEADER_BYTES_MAX:
            raise _malformed(f"a part has more than {PART_HEADER_BYTES_MAX} bytes of headers")
        yield _field(_headers(head), content)
    raise _malformed("the form breaks off: its closing boundary is missing")


def _headers(head: bytes) -> dict[str, str]:
    lines = _text(head, "utf-8").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _field(headers: dict[str, str], content: bytes) -> tuple[str, Any]:
    said = parameters(headers.get("content-disposition", ""))
    name = said.get("name")
    if not name:
        raise _malformed("a part of the form has no name")
    given_type = headers.get("content-type", "")
    if "filename" in said or "filename*" in said:
        if not content and not said.get("filename"):
            return name, ""  # a file that nobody chose
        size = {"content_type": given_type[:100], "bytes": len(content)}
        return name, {"filename": said.get("filename", "")[:255], **size}
    return name, _text(content, parameters(given_type).get("charset", "utf-8").lower(), name)


def parameters(header: str) -> dict[str, str]:
    """What follows the semicolons of a header, by lower-case name."""
    return {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(header)
    }


def _text(data: bytes, charset: str, name: str = "") -> str:
    if charset not in _CHARSETS:
        raise _malformed(f"the character set {charset[:40]!r} is not known here", name)
    try:
        return data.decode(charset)
    except UnicodeDecodeError:
        raise _malformed(
            f"is not {charset.upper()}" if name else "the form is not UTF-8", name
        ) from None


def _malformed(message: str, name: str = "") -> Malformed:
    return Malformed((Fault(name[:100], message),))
