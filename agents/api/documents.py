"""The two forms of the documentation as routes: for machines and for people, made once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from agents.api.docs_page import POLICY, docs_page
from agents.api.handling import Asked, Handling, RouteHandler, Steps
from agents.api.openapi import openapi
from agents.api.operation import Operation

_JSON: Final = "/openapi.json"
_PAGE: Final = "/docs"


def documentation_routes(
    operations: Sequence[Operation], handling: Handling, public_url: str
) -> list[web.RouteDef]:
    """The routes; anybody may read them, as they hold nothing of any account."""
    document = openapi(operations, public_url)
    made = json.dumps(document, ensure_ascii=False).encode()
    page = docs_page(document).encode()

    async def for_machines(_asked: Asked) -> web.Response:
        return web.Response(body=made, content_type="application/json")

    async def for_people(_asked: Asked) -> web.Response:
        headers = {"Content-Security-Policy": POLICY, "Content-Type": "text/html; charset=utf-8"}
        return web.Response(body=page, headers=headers)

    def handler(path: str, steps: Steps) -> RouteHandler:
        async def answer(request: web.Request) -> web.Response:
            return await handling.answered(request, path, steps)

        return answer

    return [
        web.get(_JSON, handler(_JSON, for_machines)),
        web.get(_PAGE, handler(_PAGE, for_people)),
    ]
