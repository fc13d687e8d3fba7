"""How a value is written into a text of some kind so that it cannot leave its place there.

| mode | `{{x}}` | `{{{x}}}` |
| --- | --- | --- |
| json | the inside of a JSON string | a whole JSON value |
| url | percent-encoded, all but letters, digits and `-._~` | the same |
| xml | entities; characters that XML 1.0 forbids become U+FFFD | the same |
| html | entities, as Mustache has it | as it is |
| text | as it is | as it is |

Null is nothing, but `null` as a JSON value; true and false are words; numbers keep their digits;
objects and lists are compact JSON. Half a surrogate pair, which no encoding can carry, is U+FFFD.
"""

from __future__ import annotations

import json
import re
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

Mode: TypeAlias = Literal["json", "url", "xml", "html", "text"]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# As references, these three survive in attributes too, where XML makes blanks of them.
_WHITESPACE: Final = (("\t", "&#9;"), ("\n", "&#10;"), ("\r", "&#13;"))
_ENTITIES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"))
# Line ends in JavaScript, where JSON is pasted into scripts.
_SEPARATORS: Final = (("\u2028", r"\u2028"), ("\u2029", r"\u2029"))
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


class Unwritable(ValueError):  # noqa: N818 - it names the value, not our failure
    """A value that has no text: not JSON, nested too deep, or with too long a number."""


def mode_of(content_type: str) -> Mode:
    """The mode for a body of a media type such as `application/json; charset=utf-8`."""
    media_type = content_type.partition(";")[0].strip().lower()
    subtype = media_type.partition("/")[2]
    if "json" in subtype:
        return "json"
    if subtype == "x-www-form-urlencoded":
        return "url"
    if subtype == "xml" or subtype.endswith("+xml"):
        return "xml"
    return "html" if media_type == "text/html" else "text"


def written(value: object, mode: Mode, *, is_raw: bool) -> str:
    """The text of a JSON value for a place in `mode`; raises `Unwritable`."""
    if mode == "json":
        return _json_literal(value) if is_raw else _json_fragment(value)
    text = _text_of(value)
    if mode == "url":
        return quote(text, safe="")
    if mode == "xml":
        return _replaced(_NOT_XML.sub(_REPLACEMENT, text), _ENTITIES + _WHITESPACE)
    if mode == "html" and not is_raw:
        return _replaced(text, _ENTITIES)
    return text


def _text_of(value: object) -> str:
    if value is None:
        return ""
    return _encodable(value) if isinstance(value, str) else _json(value)


def _json_literal(value: object) -> str:
    text = _json(value)
    return text if text.isascii() else _replaced(text, _SEPARATORS)


def _json_fragment(value: object) -> str:
    text = _text_of(value)
    # What is no text, list or object is spelt without a character to escape.
    return _json_literal(text)[1:-1] if isinstance(value, str | list | dict) else text


def _json(value: object) -> str:
    try:
        if type(value) is int:  # what most lists are made of, and far quicker without the encoder
            return int.__repr__(value)
        text = _ENCODER.encode(value)
    except RecursionError:
        raise Unwritable("the value is nested too deep") from None
    except (TypeError, ValueError) as error:  # also an integer of over 4,300 digits
        raise Unwritable(f"the value cannot be written: {error}") from None
    return _encodable(text)


def _encodable(text: str) -> str:
    return text if text.isascii() else _SURROGATE.sub(_REPLACEMENT, text)


def _replaced(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for old, new in pairs:
        text = text.replace(old, new)
    return text
