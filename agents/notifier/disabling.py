"""Webhooks that have failed for too long with nothing delivered: announced, and then disabled.

Each minute, for the webhooks whose notices are ours. What counts is on record: the history is asked
only when it holds all attempts made until now, and else nothing is done. An announcement is written
first and remembered last, so a crash between makes a repeat, which is dropped, and no silence.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

import structlog

from agents import metrics
from agents.api.problems import Problem
from agents.api.writing import ConfigWriter
from agents.clock import now_ms, timestamp
from agents.configs.view import ConfigView
from agents.history.reading import HistoryReader, SearchTooLongError
from agents.kafka.log_ends import LogEnds
from agents.notifier.memory import Memory
from agents.notifier.writing import Writer
from pipeline.auto_disabling import Advance, Failing, advance, is_over
from pipeline.changes import Change, plan_changes
from pipeline.configs import Configs
from pipeline.messages import announcement_of, duration, moment
from pipeline.partitioning import partition_of
from pipeline.settings import Settings
from pipeline.timeseries import HistoryAwayError
from schemas.ids import notice_id
from schemas.notice import Notice
from schemas.topics import ATTEMPTS
from schemas.trigger import SendEmail, SendText
from schemas.webhook import Webhook

_EVERY_S: Final = 60.0
# A recorder writes twice a second; one that has not caught up by then is behind.
_CATCH_UP_S: Final = 5.0
_LOOK_S: Final = 0.2
_EXPIRES_AFTER_MS: Final = 24 * 60 * 60 * 1_000
# Partitions come one after the other while a group is formed.
_SETTLE_S: Final = 1.0

_log = structlog.get_logger()


class Disabling:
    """Looks, announces and disables."""

    def __init__(
        self,
        settings: Settings,
        view: ConfigView,
        history: HistoryReader,
        memory: Memory,
        writer: Writer,
    ) -> None:
        """What was announced is kept in `memory`; nothing is asked of anybody yet."""
        self._settings = settings
        self._view = view
        self._history = history
        self._memory = memory
        self._writer = writer
        self._configs = ConfigWriter(settings, view)
        self._ends = LogEnds(settings)

    async def run(self) -> None:
        """Look when there are partitions, and then each minute, until cancelled."""
        writing = asyncio.create_task(self._configs.run(), name="configs writer")
        try:
            while not self._memory.partitions:  # noqa: ASYNC110 - a group has no event for it
                await asyncio.sleep(_SETTLE_S)
            while not writing.done():
                await asyncio.sleep(_SETTLE_S)
                await self._look()
                await asyncio.wait([writing], timeout=_EVERY_S)
            await writing
        finally:
            writing.cancel()
            await self._configs.close()

    async def _look(self) -> None:
        """Look at every webhook that may be disabled, and is ours."""
        by_partition: dict[int, list[Webhook]] = {}
        for webhook in self._view.configs:
            if isinstance(webhook, Webhook) and webhook.auto_disable is not None:
                key = f"{webhook.account_id}:{webhook.id}".encode()
                number = partition_of(key, self._settings.job_partitions)
                by_partition.setdefault(number, []).append(webhook)
        for number in self._memory.partitions:
            self._forget_others(number, by_partition.get(number, []))
        for number in self._memory.partitions & by_partition.keys():
            try:
                if await self._is_recorded(number):
                    for webhook in by_partition[number]:
                        await self._judge(number, webhook)
            except (HistoryAwayError, SearchTooLongError, Problem) as error:
                _log.warning("disabling.not_judged", partition=number, error=str(error))

    def _forget_others(self, number: int, webhooks: list[Webhook]) -> None:
        """Forget what was announced of webhooks that may not be disabled any more."""
        may_be = {(webhook.account_id, webhook.id) for webhook in webhooks}
        for state in self._memory.all_of(number):
            if state.disabling is not None and (state.account_id, state.webhook_id) not in may_be:
                self._memory.change(number, state.model_copy(update={"disabling": None}))

    async def _is_recorded(self, number: int) -> bool:
        """Whether all attempts made until now are in the history, waiting for that for a moment."""
        place = (self._settings.topic(ATTEMPTS), number)
        ends = await self._ends.ends([place])
        until_s = asyncio.get_running_loop().time() + _CATCH_UP_S
        while ends is not None:
            if await self._history.recorded_to(*place) >= ends[place]:
                return True
            if asyncio.get_running_loop().time() > until_s:
                break
            await asyncio.sleep(_LOOK_S)
        _log.warning("disabling.history_behind", partition=number)
        return False

    async def _judge(self, number: int, webhook: Webhook) -> None:
        """Announce or disable a webhook if it is time, and forget a failing that has ended."""
        key = (webhook.account_id, webhook.id)
        since_ms = _changed_ms(webhook)
        failing = await self._history.failing(webhook.account_id, webhook.id, since_ms)
        state = self._memory.of(key)
        known = state.disabling
        if known is not None and is_over(failing, known):
            state = state.model_copy(update={"disabling": None})
            self._memory.change(number, state)
        found = advance(webhook, failing, state.disabling)
        if found is None or failing is None:
            return
        for notice in _announcements(self._view.configs, webhook, found):
            await self._writer.announce(notice)
        if found.disables:
            await self._disable(webhook, failing)
        _log.warning("webhook.failing", account=key[0], webhook=key[1], percent=found.step)
        state = self._memory.of(key).model_copy(update={"disabling": found.remembered})
        # Not waited for: if the partition has gone meanwhile that is cancelled, and we would be.
        self._memory.change(number, state)

    async def _disable(self, webhook: Webhook, failing: Failing) -> None:
        """Disable the webhook unless somebody has changed it; raises `Problem`."""
        account = self._view.configs.account(webhook.account_id)
        zone = "UTC" if account is None else account.time_zone
        after_s = 0 if webhook.auto_disable is None else webhook.auto_disable.after_s
        reason = (
            f"failed from {moment(failing.first_at_ms, zone)} to {moment(failing.last_at_ms, zone)}"
            f" with nothing delivered, which is longer than {duration(after_s)}"
        )

        def decide(configs: Configs) -> tuple[Change, ...]:
            if configs.webhook(webhook.account_id, webhook.id) != webhook:
                return ()
            disabled = webhook.model_copy(update={"enabled": False, "disabled_reason": reason})
            return plan_changes([disabled], configs, now=timestamp(now_ms())).changes

        written = await self._configs.write(webhook.account_id, decide)
        if written.changes:
            metrics.AUTO_DISABLED.inc()


def _changed_ms(webhook: Webhook) -> int:
    """When the webhook was changed last: what it failed before that counts for nothing."""
    try:
        return round(datetime.fromisoformat(webhook.updated_at or "").timestamp() * 1_000)
    except ValueError:
        return 0


def _announcements(configs: Configs, webhook: Webhook, found: Advance) -> list[Notice]:
    """What is told through the webhook's failure trigger: by each of its emails and texts."""
    asked = webhook.failure_trigger
    trigger = None if asked is None else configs.trigger(webhook.account_id, asked.trigger_id)
    account = configs.account(webhook.account_id)
    if trigger is None or account is None or not trigger.enabled:
        return []
    sentence = announcement_of(
        webhook, step=found.step, since_ms=found.since_ms, time_zone=account.time_zone
    )
    at_ms = now_ms()
    cause = f"disabling/{webhook.id}/{found.since_ms}/{found.step}"
    return [
        Notice(
            notice_id=notice_id(cause, trigger.id, at, webhook.account_id),
            account_id=webhook.account_id,
            trigger_id=trigger.id,
            webhook_id=webhook.id,
            kind="announcement",
            action=action.model_copy(update={"template": None}),
            announcement=sentence,
            first_queued_at_ms=at_ms,
            expires_at_ms=at_ms + _EXPIRES_AFTER_MS,
        )
        for at, action in enumerate(trigger.actions)
        if isinstance(action, SendEmail | SendText)
    ]
