"""The one way of a request: who asks, may they, what do they ask, do it, answer, and say so.

The order is part of the rule. An account that is not the key's own does not exist, before anything
else about the request is looked at; and nothing is carried out while any part of it is in doubt.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog
from aiohttp import web
from pydantic import BaseModel

from agents import metrics
from agents.api.auth import ANONYMOUS, Principal, authenticated
from agents.api.failures import problem_of
from agents.api.idempotency import HEADER, ReplyMemory, StoredReply, token_of
from agents.api.limits import (
    BODY_BYTES_MAX,
    INGEST_BYTES_MAX,
    RateLimiter,
    end_unread,
    read_body,
)
from agents.api.operation import Call, Operation, Reply
from agents.api.problems import Problem, answer_of, not_found
from agents.api.reading import body_of, query_of, version_of
from agents.api.services import Services
from schemas.account import Account

RouteHandler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
_SERVER_ERROR: Final = 500

# No account has a longer number, and Python would not even read some that are.
_ACCOUNT_DIGITS_MAX: Final = 19

_log = structlog.get_logger()


@dataclass(slots=True)
class Asked:
    """A request and what is known of it so far."""

    request: web.Request
    id: str
    key: Principal = ANONYMOUS


Steps: TypeAlias = Callable[[Asked], Awaitable[web.Response]]


class Handling:
    """Turns operations into handlers of the server."""

    def __init__(self, services: Services) -> None:
        """Nothing was asked yet."""
        self._services = services
        self._limiter = RateLimiter(services.settings.api_rate_max)
        self._memory = ReplyMemory()

    def handler(self, operation: Operation) -> RouteHandler:
        """What the server calls for a request to the operation."""

        async def answer(request: web.Request) -> web.Response:
            return await self.answered(request, operation.path, self._steps(operation))

        return answer

    async def answered(
        self, request: web.Request, route: str, steps: Steps, *, path: str | None = None
    ) -> web.Response:
        """Answer with what `steps` give, or with the problem that they end in; log either.

        `path` stands in the log for one that holds a secret.
        """
        began_s = time.monotonic()
        path = request.path if path is None else path
        asked = Asked(request, f"rq_{secrets.token_hex(8)}")
        try:
            response = await steps(asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is answered
            problem = problem_of(error)
            if problem.status == _SERVER_ERROR:
                _log.error("api.failed", request_id=asked.id, path=path, exc_info=error)
            response = _problem_response(problem, asked.id)
        response.headers["X-Request-Id"] = asked.id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        took_s = time.monotonic() - began_s
        metrics.API_REQUESTS.labels(request.method, route, str(response.status)).inc()
        metrics.API_TIME.labels(request.method).observe(took_s)
        _log.info(
            "api.answered",
            method=request.method,
            path=path,
            status=response.status,
            took_ms=round(took_s * 1_000, 1),
            key=asked.key.key_id,
            request_id=asked.id,
        )
        await end_unread(request, response)
        return response

    def _steps(self, operation: Operation) -> Steps:
        async def steps(asked: Asked) -> web.Response:
            request = asked.request
            asked.key = self._key(operation, request)
            account = self._account(operation, request, asked.key)
            if operation.scope != "public":
                asked.key.require(operation.scope)
            query = query_of(request, operation.query)
            data = await read_body(request, _bytes_max(operation))
            call = Call(
                services=self._services,
                key=asked.key,
                account=account,
                path=request.match_info,
                query=query,
                body=_body(operation, request, data),
                if_match=version_of(request.headers),
                now_ms=self._services.clock(),
                request_id=asked.id,
            )
            return await self._once(operation, call, request, data)

        return steps

    def _key(self, operation: Operation, request: web.Request) -> Principal:
        if operation.scope == "public":
            return ANONYMOUS
        given = request.headers.get("Authorization")
        key = authenticated(given, self._services.view.configs)
        self._limiter.take(key.key_id, time.monotonic())
        return key

    def _account(
        self, operation: Operation, request: web.Request, key: Principal
    ) -> Account | None:
        if "{account}" not in operation.path:
            return None
        given = request.match_info["account"]
        account = None
        if given.isascii() and given.isdecimal() and len(given) <= _ACCOUNT_DIGITS_MAX:
            account = self._services.view.configs.account(int(given))
        if account is None or str(account.id) != given or not key.may_see(account.id):
            raise not_found(f"account {given[:40]}")
        return account

    async def _once(
        self, operation: Operation, call: Call, request: web.Request, data: bytes
    ) -> web.Response:
        """Carry it out, or answer as before when it is a POST that came already."""
        name = request.headers.get(HEADER) if operation.method == "POST" else None
        token = token_of(name, call.key.key_id, request.path_qs, data)
        if token is None:
            return _response(stored_of(await operation.handler(call), operation))
        before = self._memory.begin(token, call.now_ms)
        if before is not None:
            response = _response(before)
            response.headers["Idempotency-Replayed"] = "true"
            return response
        try:
            reply = stored_of(await operation.handler(call), operation)
        except BaseException:
            self._memory.forget(token)
            raise
        self._memory.finish(token, reply)
        return _response(reply)


def stored_of(reply: Reply, operation: Operation) -> StoredReply:
    """A handler's answer as bytes."""
    body = reply.body
    data = body.model_dump_json(by_alias=True).encode() if isinstance(body, BaseModel) else body
    return StoredReply(reply.status or operation.status, data or b"", tuple(reply.headers.items()))


def _body(operation: Operation, request: web.Request, data: bytes) -> BaseModel | None:
    if operation.body is None:
        return None
    kind = request.headers.get("Content-Type")
    return body_of(kind, data, operation.body, takes_forms=operation.takes_forms)


def _bytes_max(operation: Operation) -> int:
    """A batch of activities may be larger than all else."""
    is_batch = operation.scope == "ingest" and not operation.takes_forms
    return INGEST_BYTES_MAX if is_batch else BODY_BYTES_MAX


def _response(reply: StoredReply) -> web.Response:
    headers = dict(reply.headers)
    if reply.body:
        headers["Content-Type"] = JSON
    return web.Response(status=reply.status, body=reply.body or None, headers=headers)


def _problem_response(problem: Problem, request_id: str) -> web.Response:
    body = answer_of(problem, request_id).model_dump_json().encode()
    headers = {**problem.headers, "Content-Type": PROBLEM_JSON}
    return web.Response(status=problem.status, body=body, headers=headers)
