"""Which requests go to which operation, and what is said to all others below /api/."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from agents.api.handling import Asked, Handling, RouteHandler
from agents.api.operation import Operation
from agents.api.problems import METHOD_NOT_ALLOWED, Problem, not_found

_SUFFIX: Final = ".json"
_VARIABLE: Final = re.compile(r"\{[a-z_]+\}")


def routes_of(operations: Sequence[Operation], handling: Handling) -> list[web.RouteDef]:
    """A route for each path of each operation, and one for what is none."""
    paths = [(path, it) for it in operations for path in _paths(it)]
    # `{id}` would take `crm.json` as an id, so what ends in .json is asked first.
    paths.sort(key=lambda entry: not entry[0].endswith(_SUFFIX))
    known = [web.route(it.method, path, handling.handler(it)) for path, it in paths]
    return [*known, web.route("*", "/api/{rest:.*}", _otherwise(paths, handling))]


def _paths(operation: Operation) -> list[str]:
    if operation.has_json_path:
        return [operation.path, f"{operation.path}{_SUFFIX}"]
    return [operation.path]


def _otherwise(paths: Sequence[tuple[str, Operation]], handling: Handling) -> RouteHandler:
    forms = [(_form(path), operation.method) for path, operation in paths]

    async def refuse(asked: Asked) -> web.Response:
        path = asked.request.path
        methods = sorted({method for form, method in forms if form.fullmatch(path)})
        if not methods:
            raise not_found("such path")
        allowed = ", ".join(methods)
        raise Problem(METHOD_NOT_ALLOWED, f"it takes {allowed}", headers={"Allow": allowed})

    async def answer(request: web.Request) -> web.Response:
        return await handling.answered(request, "(none)", refuse)

    return answer


def _form(path: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(map(re.escape, _VARIABLE.split(path))))
