"""Texts: a form with `To`, `From` and `Body` for each recipient, to the gateway of the settings.

The gateway is an endpoint like any other: called by the senders' client, behind the same guard.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Final, Protocol
from urllib.parse import urlencode

from agents.notifier.outage import Outage
from pipeline.messages import Message
from pipeline.notices import Carried, Refusal, carried_of
from pipeline.outcomes import Answered, Exchange, NotAnswered, NotSent
from pipeline.requests import USER_AGENT, Request, as_recorded
from pipeline.settings import Settings
from schemas.attempt import Response, SentRequest, Timings
from schemas.notice import Notice

TIMEOUT_S: Final = 10.0

# What is wrong with the text itself is said by a 4xx; of these, some are an operator's to mend (a
# login, a payment, the address), or to wait for.
_REFUSED: Final = range(400, 500)
_FOR_NOW: Final = frozenset({401, 402, 403, 404, 407, 408, 425, 429})
_ACCEPTED: Final = range(200, 300)
_TEXT_CHARACTERS_KEPT: Final = 200


class Client(Protocol):
    """Whatever makes requests."""

    async def exchange(self, request: Request, timeout_s: float) -> Exchange:
        """Send a request; whatever happens is in the exchange."""


class Texter:
    """Sends texts; whatever happens is in what it returns."""

    def __init__(self, settings: Settings, http: Client) -> None:
        """Send through the settings' gateway."""
        self._settings = settings
        self._http = http
        self._outage = Outage()

    @property
    def is_configured(self) -> bool:
        """Whether there is a gateway, and a number or name to send from."""
        return bool(self._settings.sms_url and self._settings.sms_from)

    async def carry(self, notice: Notice, message: Message) -> Carried:
        """Send a message to one recipient after the other, until all have it or it cannot be."""
        away = self._outage.now
        if away is not None:
            return Carried("failed", away.reason, away.detail, again=message.recipients)
        accepted: list[str] = []
        refused: list[Refusal] = []
        request, response, timings = None, None, Timings()
        for at, recipient in enumerate(message.recipients):
            request = self._request(notice, recipient, message.text)
            exchange = await self._http.exchange(request, TIMEOUT_S)
            result, timings = exchange.result, exchange.timings
            if not isinstance(result, Answered):
                left = (*_for_now(refused), *message.recipients[at:])
                return self._unanswered(result, as_recorded(request), timings, left)
            response = result.response
            if response.status in _ACCEPTED:
                accepted.append(recipient)
            else:
                refused.append(_refusal(recipient, response))
        return carried_of(
            tuple(accepted),
            tuple(refused),
            request=None if request is None else as_recorded(request),
            response=response,
            timings=timings,
        )

    def _unanswered(
        self,
        result: NotAnswered | NotSent,
        request: SentRequest,
        timings: Timings,
        left: tuple[str, ...],
    ) -> Carried:
        """A gateway that may not be called ends the message, one that is away does not."""
        if isinstance(result, NotSent):
            return Carried("blocked", result.reason, result.detail, request)
        self._outage.begins(result.kind, result.detail)
        return Carried("failed", result.kind, result.detail, request, None, timings, left)

    def _request(self, notice: Notice, recipient: str, text: str) -> Request:
        settings = self._settings
        form = {"To": recipient, "From": settings.sms_from, "Body": text}
        headers = [
            ("User-Agent", USER_AGENT),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Idempotency-Key", f"{notice.notice_id}{recipient}"),
        ]
        if settings.sms_username:
            pair = f"{settings.sms_username}:{settings.sms_password}"
            headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
        return Request("POST", settings.sms_url, tuple(headers), urlencode(form).encode())


def _refusal(recipient: str, response: Response) -> Refusal:
    is_final = response.status in _REFUSED and response.status not in _FOR_NOW
    return Refusal(recipient, response.status, response.body[:_TEXT_CHARACTERS_KEPT], is_final)


def _for_now(refusals: Iterable[Refusal]) -> tuple[str, ...]:
    return tuple(each.recipient for each in refusals if not each.is_final)
