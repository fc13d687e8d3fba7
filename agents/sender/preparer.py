"""A job made into a request: its body, its URL, its secrets opened, its signature.

What cannot be made is a result like any other, so that it is recorded with its reason: a template
that gives no body ends the delivery; a secret that nobody can open, or a history that cannot be
asked, is tried again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from agents.sender.opener import SecretOpener
from pipeline.bodies import body_for, json_body
from pipeline.configs import Configs, HeldWebhook
from pipeline.outcomes import NotAnswered, NotSent
from pipeline.requests import Request, request_for
from pipeline.templates import RenderError
from pipeline.timeseries import (
    HistoryAwayError,
    RecentActivities,
    TooManyActivitiesError,
    timeseries_body,
    week_of,
)
from pipeline.urls import UrlError
from schemas.account import Account
from schemas.codec import Malformed
from schemas.event import Event
from schemas.job import Body, Job
from schemas.webhook import Mustache, Timeseries, Webhook


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request, or the result that stands for it; and the body, to freeze, once there is one."""

    request: Request | NotSent | NotAnswered
    body: Body | None


class Preparer:
    """Makes requests with the configuration of the moment."""

    def __init__(self, opener: SecretOpener, recent: RecentActivities, public_url: str) -> None:
        """`recent` is the history of activities; resource links begin with `public_url`."""
        self._opener = opener
        self._recent = recent
        self._public_url = public_url

    async def prepare(self, job: Job, configs: Configs, *, now_ms: int) -> Prepared:
        """The request of a job whose account and webhook are there.

        Raises only what nobody expected: a fault of ours, or of the machine's.
        """
        body = job.body
        try:
            account, held = configs.account(job.account_id), _held(job, configs)
            if account is None or held is None:
                raise LookupError("a job without account or webhook is refused before")
            now_s = now_ms // 1_000
            body = body or await self._body(held, account, job.event, now_s)
            opened = self._opened(held.webhook)
            if isinstance(opened, NotAnswered):
                return Prepared(opened, body)
            return Prepared(request_for(opened, account, job, body, now_s=now_s), body)
        except HistoryAwayError as error:
            return Prepared(NotAnswered("history_unavailable", str(error)[:500]), body)
        except (RenderError, UrlError, TooManyActivitiesError) as error:
            return Prepared(NotSent("render_error", str(error)[:500]), body)

    def _opened(self, webhook: Webhook) -> Webhook | NotAnswered:
        try:
            return self._opener.opened(webhook)
        except Malformed as malformed:
            return NotAnswered("secret_unreadable", str(malformed)[:500])

    async def _body(self, held: HeldWebhook, account: Account, event: Event, now_s: int) -> Body:
        webhook = held.webhook
        if isinstance(webhook.format, Mustache):
            # A template may be made to take a second: in a thread, the others need not wait.
            return await asyncio.to_thread(
                body_for, webhook, account, event, public_url=self._public_url
            )
        if not isinstance(webhook.format, Timeseries):
            return body_for(webhook, account, event, public_url=self._public_url)
        week = week_of(event, account.time_zone, now_s=now_s)
        history = await self._recent.between(account.id, week.begin_s, week.end_s)
        series = webhook.format.series
        # A week can have a hundred thousand activities, so in a thread as well.
        return json_body(
            await asyncio.to_thread(timeseries_body, series, event, history, week, held.filter)
        )


def _held(job: Job, configs: Configs) -> HeldWebhook | None:
    return configs.held_webhook(job.account_id, job.webhook_id)
