"""What an inbound request says, as one JSON object: whichever way a sender writes its fields.

JSON, a web form with brackets in its names, a multipart form, or the address's query. The query
adds what the body does not have, unless only the body is signed: then nobody vouches for it. A
text field of a form that holds a JSON object is that object, and so is the only element of a list
and what is wrapped as `{"call": {…}}`. Everything is bounded; nothing is dropped in silence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

from pipeline.bracketed import nested
from pipeline.form_bodies import FORM_TYPE
from pipeline.inbound_request import InboundRequest
from pipeline.multipart import MULTIPART, parameters, parse_multipart
from schemas.codec import DEPTH_MAX, FAULTS_MAX, Fault, Malformed, parse_json
from schemas.source import HmacVerification, PresetVerification, QueryVerification, Source

# The longest questionnaires have a few hundred fields.
FORM_FIELDS_MAX: Final = 2_000
# A shop's order with a hundred items has about five thousand values.
VALUES_MAX: Final = 10_000

_BOM: Final = b"\xef\xbb\xbf"
_CHARSETS: Final = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252"})
_WRAPPER: Final = "call"
_BESIDE_WRAPPED: Final = frozenset({_WRAPPER, "account_id", "phase"})


def read_payload(source: Source, request: InboundRequest) -> dict[str, Any]:
    """The fields of a request; raises `Malformed` with why it cannot be read."""
    has_body = request.method != "GET" and request.body.strip() != b""
    fields = _body_fields(request) if has_body else {}
    if not signs_body_only(source):
        for name, value in _query_fields(source, request).items():
            fields.setdefault(name, value)
    _check_bounds(fields)
    if not fields:
        raise _malformed("the request holds no fields")
    return fields


def signs_body_only(source: Source) -> bool:
    """Whether the sender's signature says nothing about the address."""
    asked = source.verification
    if isinstance(asked, PresetVerification):
        return asked.type != "twilio"
    return isinstance(asked, HmacVerification)


def _body_fields(request: InboundRequest) -> dict[str, Any]:
    media_type = request.content_type.partition(";")[0].strip().lower()
    if media_type == MULTIPART:
        pairs = parse_multipart(request.content_type, request.body, fields_max=FORM_FIELDS_MAX)
        return _form_fields(pairs)
    # Whatever its type says: no field of a form begins like this, and some senders name the wrong.
    if "json" in media_type or request.body.removeprefix(_BOM).lstrip()[:1] in {b"{", b"["}:
        return _json_fields(request.body)
    if media_type == FORM_TYPE:
        return _form_fields(_urlencoded(request.body, _charset(request.content_type)))
    if media_type in {"", "text/plain", "application/octet-stream"} and b"=" in request.body:
        return _form_fields(_urlencoded(request.body, "utf-8"))
    raise _malformed(
        f"a body of type {media_type[:60] or '(none)'} is not understood: send JSON, "
        f"{FORM_TYPE} or {MULTIPART}"
    )


def _json_fields(body: bytes) -> dict[str, Any]:
    data = body.removeprefix(_BOM)
    value = parse_json(data)
    _check_names(data)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list):
        raise _malformed(f"a request is one activity, and this is a list of {len(value)}")
    if not isinstance(value, dict):
        raise _malformed("must be a JSON object")
    return _unwrapped(value)


def _check_names(data: bytes) -> None:
    """Raise `Malformed` for a name that an object has twice, as none of its values is the one."""
    twice: dict[str, None] = {}

    def look(pairs: list[tuple[str, Any]]) -> None:
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                twice[name] = None
            names.add(name)

    json.loads(data, object_pairs_hook=look)
    if twice:
        names = [*twice][:FAULTS_MAX]
        raise Malformed(tuple(Fault(name[:100], "is given more than once") for name in names))


def _unwrapped(fields: dict[str, Any]) -> dict[str, Any]:
    inner = fields.get(_WRAPPER)
    return inner if isinstance(inner, dict) and fields.keys() <= _BESIDE_WRAPPED else fields


def _query_fields(source: Source, request: InboundRequest) -> dict[str, Any]:
    asked = source.verification
    secret = asked.parameter if isinstance(asked, QueryVerification) else None
    pairs = _urlencoded(request.query.encode(errors="replace"), "utf-8", "the query")
    return _form_fields((name, value) for name, value in pairs if name != secret)


def _urlencoded(data: bytes, charset: str, what: str = "the form") -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            data.decode(charset),
            keep_blank_values=True,
            encoding=charset,
            errors="strict",
            max_num_fields=FORM_FIELDS_MAX,
        )
    except UnicodeDecodeError:
        raise _malformed(f"{what} is not {charset.upper()}") from None
    except ValueError:
        raise _malformed(f"a form has at most {FORM_FIELDS_MAX} fields") from None


def _charset(content_type: str) -> str:
    charset = parameters(content_type).get("charset", "utf-8").lower()
    if charset not in _CHARSETS:
        raise _malformed(f"the character set {charset[:40]!r} is not known here")
    return charset


def _form_fields(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return _unwrapped(nested((name, _expanded(value)) for name, value in pairs))


def _expanded(value: object) -> object:
    """A text that is a JSON object as that object: some forms hold all of theirs in one field."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            return _json_fields(value.encode())
        except Malformed:
            return value
    return value


def _check_bounds(fields: dict[str, Any]) -> None:
    """Raise `Malformed` for too many values, or too many levels of them."""
    row: list[Any] = [fields]
    values = 0
    for _ in range(DEPTH_MAX + 1):
        if not row:
            return
        row = [
            child
            for parent in row
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        values += len(row)
        if values > VALUES_MAX:
            raise _malformed(f"holds more than {VALUES_MAX} values")
    raise _malformed(f"nested deeper than {DEPTH_MAX} levels")


def _malformed(message: str) -> Malformed:
    return Malformed((Fault("", message),))
