"""A request as values: its query, body and `If-Match`, validated, with every fault at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from agents.api.problems import UNSUPPORTED_TYPE, Problem, invalid, malformed
from pipeline.form_bodies import FORM_TYPE, parse_form
from schemas.codec import Fault, Malformed, parse_json, validate

_VERSION: Final = re.compile(r'(?:W/)?"?([0-9]{1,18})"?')
_ANY_VERSION: Final = "*"


def query_of(request: web.Request, model: type[BaseModel] | None) -> BaseModel | None:
    """The query as a `model`; without one there must be none."""
    names = [name for name, _ in request.query.items()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        faults = (Fault(name, "is given more than once") for name in twice)
        raise malformed("the query names a parameter twice", *faults)
    if model is None:
        if names:
            faults = (Fault(name, "unknown field") for name in names)
            raise malformed("there are no query parameters here", *faults)
        return None
    try:
        return validate(model, dict(request.query))
    except Malformed as error:
        raise malformed("the query has faults", *error.faults) from None


def body_of(
    content_type: str | None, data: bytes, model: type[BaseModel], *, takes_forms: bool = False
) -> BaseModel:
    """The body as a `model`. No body at all is as good as one without fields."""
    value: Any = {}
    if data.strip():
        parse = _parser(content_type, takes_forms=takes_forms)
        try:
            value = parse(data)
        except Malformed as error:
            raise malformed("the body cannot be read", *error.faults) from None
    try:
        return validate(model, value)
    except Malformed as error:
        raise invalid(error.faults) from None


def version_of(headers: Mapping[str, str]) -> int | None:
    """The version that `If-Match` names; None when any will do."""
    given = headers.get("If-Match", _ANY_VERSION).strip()
    if given == _ANY_VERSION:
        return None
    found = _VERSION.fullmatch(given)
    if found is None:
        fault = Fault("If-Match", 'must be a version such as "3", as ETag tells it, or *')
        raise malformed("a header has a fault", fault)
    return int(found[1])


def _parser(content_type: str | None, *, takes_forms: bool) -> Callable[[bytes], Any]:
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return parse_json
    if takes_forms and kind == FORM_TYPE:
        return parse_form
    wanted = f"application/json or {FORM_TYPE}" if takes_forms else "application/json"
    said = f"not {kind[:100]}" if kind else "and none is named"
    raise Problem(UNSUPPORTED_TYPE, f"send the Content-Type {wanted}, {said}")
