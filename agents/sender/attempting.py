"""One attempt of a job: its request made ready, sent, and what came of it, with its times."""

from __future__ import annotations

import traceback
from dataclasses import replace
from typing import Protocol

import structlog

from agents.clock import now_ms
from agents.sender.http import HttpClient
from agents.sender.preparer import Preparer
from pipeline.configs import Configs
from pipeline.outcomes import Exchange, NotAnswered
from pipeline.requests import Request, as_recorded
from schemas.attempt import Timings
from schemas.job import Job
from schemas.webhook import Webhook

_log = structlog.get_logger()


class View(Protocol):
    """Whatever knows the configuration of the moment."""

    @property
    def configs(self) -> Configs:
        """The newest that is known."""


class Attempter:
    """Makes attempts with the configuration of the moment."""

    def __init__(self, view: View, http: HttpClient, preparer: Preparer) -> None:
        """Requests are made by `preparer` and go out through `http`."""
        self._view = view
        self._http = http
        self._preparer = preparer

    async def attempt(self, job: Job) -> tuple[Job, Exchange]:
        """The job with its body frozen, so that a later attempt sends the same; and the exchange.

        Raises only when no request was made: what comes after that is a result, if need be with
        our own fault in it.
        """
        began_ms, configs = now_ms(), self._view.configs
        webhook = configs.webhook(job.account_id, job.webhook_id)
        if webhook is None:
            raise LookupError(f"webhook {job.webhook_id} was deleted as its turn came")
        prepared = await self._preparer.prepare(job, configs, now_ms=began_ms)
        job = job.model_copy(update={"body": prepared.body})
        if isinstance(prepared.request, Request):
            exchange = await self._exchange(prepared.request, webhook)
        else:
            exchange = Exchange(None, prepared.request, Timings())
        waited_ms = max(began_ms - (job.due_at_ms or job.first_queued_at_ms), 0)
        timings = exchange.timings.model_copy(update={"queue_ms": float(waited_ms)})
        return job, replace(exchange, timings=timings)

    async def _exchange(self, request: Request, webhook: Webhook) -> Exchange:
        try:
            return await self._http.exchange(request, webhook.timeout_s)
        except Exception as error:  # noqa: BLE001 - a fault of ours costs this attempt, no more
            _log.exception("attempt.internal_fault", webhook=webhook.id)
            failed = NotAnswered("internal", f"{type(error).__name__}: {error}"[:500])
            return Exchange(as_recorded(request), failed, Timings(), traceback.format_exc())
