"""A notice on its way out: who it is about now, what is known of that, by which channel it goes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final, Protocol

import structlog

from agents.clock import now_ms
from agents.history.reading import HistoryReader, SearchTooLongError
from agents.notifier.mailing import Mailer
from agents.notifier.texting import Texter
from pipeline.configs import Configs
from pipeline.messages import Message, Situation, Subjects, message_of
from pipeline.notices import Carried
from pipeline.templates import RenderError
from pipeline.timeseries import HistoryAwayError
from schemas.notice import Notice
from schemas.trigger import SendEmail

# A message that says how many wait is better, one that comes is better still.
_FACTS_S_MAX: Final = 3.0
# Whoever has more than so many waiting need not be told how many more.
WAITING_MAX: Final = 1_000

_log = structlog.get_logger()


class View(Protocol):
    """Whatever knows the configuration of the moment."""

    @property
    def configs(self) -> Configs:
        """The newest that is known."""


class Carrier:
    """Tries to send notices; whatever happens is in what it returns."""

    def __init__(
        self, view: View, history: HistoryReader, mailer: Mailer, texter: Texter, public_url: str
    ) -> None:
        """Messages link to the API at `public_url`."""
        self._view = view
        self._history = history
        self._mailer = mailer
        self._texter = texter
        self._public_url = public_url

    async def carry(self, notice: Notice) -> Carried:
        """Write the message and send it."""
        if now_ms() >= notice.expires_at_ms:
            return Carried("expired", "expired", "it was not sent within its time")
        configs = self._view.configs
        account = configs.account(notice.account_id)
        trigger = configs.trigger(notice.account_id, notice.trigger_id)
        if account is None or trigger is None:
            gone = "account" if account is None else "trigger"
            return Carried("skipped", f"{gone}_deleted", f"its {gone} was deleted meanwhile")
        if not trigger.enabled:
            return Carried("skipped", "trigger_disabled", "its trigger was disabled meanwhile")
        channel = self._channel(notice)
        if isinstance(channel, Carried):
            return channel
        webhook_id = notice.webhook_id
        webhook = None if webhook_id is None else configs.webhook(account.id, webhook_id)
        try:
            message = message_of(
                notice,
                Subjects(account, trigger, webhook),
                await self._situation(notice),
                public_url=self._public_url,
            )
        except RenderError as error:
            return Carried("blocked", "render_error", str(error))
        return await _carry(channel, notice, message)

    def _channel(self, notice: Notice) -> Mailer | Texter | Carried:
        """By what it goes, or why it cannot."""
        if isinstance(notice.action, SendEmail):
            if self._mailer.is_configured:
                return self._mailer
            missing = "HOOKLINE_SMTP_HOST and HOOKLINE_MAIL_FROM"
            return Carried("blocked", "smtp_not_configured", f"no email is sent without {missing}")
        if self._texter.is_configured:
            return self._texter
        missing = "HOOKLINE_SMS_URL and HOOKLINE_SMS_FROM"
        return Carried("blocked", "sms_not_configured", f"no text is sent without {missing}")

    async def _situation(self, notice: Notice) -> Situation:
        """What the history tells of the failing webhook, if it does so in time."""
        if notice.webhook_id is None:
            return Situation()
        about = (notice.account_id, notice.webhook_id)
        try:
            async with asyncio.timeout(_FACTS_S_MAX):
                failing = await self._history.failing(*about, 0)
                waiting = await self._history.waiting(*about, WAITING_MAX + 1)
        except (HistoryAwayError, SearchTooLongError, TimeoutError) as error:
            _log.warning("notice.without_facts", notice=notice.notice_id, error=str(error))
            return Situation()
        since_ms = None if failing is None else failing.first_at_ms
        return Situation(since_ms, _counted(waiting))


def _counted(waiting: int) -> str | None:
    if not waiting:
        return None
    return f"{waiting:,}" if waiting <= WAITING_MAX else f"more than {WAITING_MAX:,}"


async def _carry(channel: Mailer | Texter, notice: Notice, message: Message) -> Carried:
    if not message.recipients:
        tokens = ", ".join(message.left_out)
        return Carried("blocked", "no_recipient", f"none of {tokens} gave an address")
    carried = await channel.carry(notice, message)
    if not message.left_out:
        return carried
    told = f"{', '.join(message.left_out)} gave no address"
    return replace(carried, detail="; ".join(filter(None, (carried.detail, told))))
