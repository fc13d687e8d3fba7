"""`/in/{token}`: a foreign webhook comes in, and becomes an activity or is refused with a reason.

The token in the address says whose it is and is all that every sender has; more is asked for by the
source. The answer comes when Kafka has the events and the request's record, so whoever was answered
need not send it again, and whoever was not may. What is refused is kept too, to be mapped again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

import pydantic_core
from aiohttp import web

from agents import metrics
from agents.api.handling import JSON, Asked, Handling, RouteHandler
from agents.api.inbound_limits import Places, SourceRates
from agents.api.inbound_reading import REQUEST_S_MAX, ReadBody, read_inbound
from agents.api.inbound_records import accepted, inbound_record, received, rejected
from agents.api.problems import (
    FORBIDDEN,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    TOO_LARGE,
    TOO_SLOW,
    UNAUTHORIZED,
    Kind,
    Problem,
    invalid,
    not_found,
    unavailable,
)
from agents.api.saving import secret_keys
from agents.api.services import Services
from agents.kafka.outgoing import new_event, trace_of
from pipeline.inbound import TakenIn, take_in
from pipeline.inbound_bodies import read_payload
from pipeline.inbound_request import InboundRequest
from pipeline.sealing import has_sealed_secrets, opened
from pipeline.source_tokens import hash_of
from pipeline.verifying import refusal
from schemas.codec import Fault, Malformed
from schemas.inbound import BODY_BYTES_MAX
from schemas.source import Source

# In logs and metrics: the token is a secret.
_SHOWN: Final = "/in/{token}"
_METHODS: Final = ("GET", "POST")

_OF_FATE: Final[dict[str, tuple[Kind, str]]] = {
    "too_large": (TOO_LARGE, f"a request here has at most {BODY_BYTES_MAX} bytes"),
    "too_slow": (TOO_SLOW, f"a request has to be here within {REQUEST_S_MAX:g} s"),
    "unreadable": (MALFORMED, "the body is not encoded as its headers say"),
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request is refused: a reason of its record, and what the sender is told."""

    reason: str
    problem: Problem
    faults: tuple[Fault, ...] = field(default=())


class InboundTaking:
    """Serves the addresses of all sources."""

    def __init__(self, services: Services, handling: Handling) -> None:
        """Nothing has come in yet."""
        self._services = services
        self._handling = handling
        self._rates = SourceRates()
        self._places = Places()

    def routes(self) -> list[web.RouteDef]:
        """The route, of any method: what is not taken is told so."""
        return [web.route("*", _SHOWN, self._handler())]

    def _handler(self) -> RouteHandler:
        async def answer(request: web.Request) -> web.Response:
            response = await self._handling.answered(request, _SHOWN, self._taken, path=_SHOWN)
            if request.content.exception() is not None or not request.content.is_eof():
                response.force_close()  # the rest of a body that nobody reads is no next request
            return response

        return answer

    async def _taken(self, asked: Asked) -> web.Response:
        request = asked.request
        source, time_zone = self._source(request)
        if request.method not in _METHODS:
            allowed = ", ".join(_METHODS)
            raise Problem(METHOD_NOT_ALLOWED, f"it takes {allowed}", headers={"Allow": allowed})
        try:
            self._rates.take(source, time.monotonic())
            with self._places.place(source) as held:
                read = await read_inbound(request, held)
                return await self._judged(request, source, time_zone, read)
        except Problem as problem:
            metrics.INBOUND_REQUESTS.labels(problem.kind.name).inc()
            raise

    def _source(self, request: web.Request) -> tuple[Source, str]:
        """The source that the token leads to, and its account's time zone."""
        configs = self._services.view.configs
        source = configs.source_of_token(hash_of(request.match_info["token"]))
        account = None if source is None else configs.account(source.account_id)
        if source is None or account is None:
            metrics.INBOUND_REQUESTS.labels("unknown").inc()
            raise not_found("source at this address")
        return source, account.time_zone

    async def _judged(
        self, request: web.Request, source: Source, time_zone: str, read: ReadBody
    ) -> web.Response:
        given = self._given(request, read)
        judged = self._judge(source, time_zone, given, read)
        record = received(source, given, request.remote)
        trace = trace_of(given.headers)
        publish = self._services.publisher.publish
        if isinstance(judged, Refused):
            record = rejected(record, read, judged.reason, judged.faults)
            await publish([inbound_record(record, trace)])
            raise judged.problem
        # The events first: a record says that they are there.
        await publish([new_event(event, trace) for event in judged.events])
        await publish([inbound_record(accepted(record, judged), trace)])
        metrics.INBOUND_REQUESTS.labels("accepted").inc()
        return _answer(record.inbound_id, judged)

    def _given(self, request: web.Request, read: ReadBody) -> InboundRequest:
        settings = self._services.settings
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            known = headers.get(name.lower())
            headers[name.lower()] = value if known is None else f"{known}, {value}"
        return InboundRequest(
            method=request.method,
            url=f"{settings.public_url.rstrip('/')}{request.raw_path}",
            query=request.raw_path.partition("?")[2],
            content_type=headers.get("content-type", ""),
            headers=headers,
            body=read.data,
            at_ms=self._services.clock(),
        )

    def _judge(
        self, source: Source, time_zone: str, given: InboundRequest, read: ReadBody
    ) -> TakenIn | Refused:
        if not source.enabled:
            return Refused("disabled", Problem(FORBIDDEN, "this source is disabled"))
        if read.fate != "whole":
            kind, detail = _OF_FATE[read.fate]
            return Refused(read.fate, Problem(kind, detail), (Fault("", detail),))
        unproved = refusal(self._opened(source), given)
        if unproved is not None:
            return Refused("unverified", Problem(UNAUTHORIZED, unproved), (Fault("", unproved),))
        try:
            payload = read_payload(source, given)
        except Malformed as malformed:
            problem = Problem(MALFORMED, "it cannot be read", errors=malformed.faults)
            return Refused("unreadable", problem, malformed.faults)
        try:
            return take_in(source, given, payload, time_zone)
        except Malformed as malformed:
            return Refused("invalid", invalid(malformed.faults), malformed.faults)

    def _opened(self, source: Source) -> Source:
        """The source with its secrets in plain, on an installation that can open them."""
        if not has_sealed_secrets(source):
            return source
        try:
            return opened(source, secret_keys(self._services))
        except Malformed as malformed:
            raise unavailable("secret keys", f"{malformed}; an operator has to mend it") from None


def _answer(inbound_id: str, made: TakenIn) -> web.Response:
    body = {
        "status": "success",
        "inbound_id": inbound_id,
        "activity_id": made.events[0].activity_id,
        "event_ids": [event.event_id for event in made.events],
        "warnings": [{"field": it.field, "message": it.message} for it in made.warnings],
    }
    return web.Response(body=pydantic_core.to_json(body), headers={"Content-Type": JSON})
