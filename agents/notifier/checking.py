"""Whether messages can be sent: asked by `hookline check`, which sends none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from agents.errors import OperationError
from agents.notifier.mailing import Mailer
from pipeline.settings import Settings
from schemas.config import Config
from schemas.trigger import SendEmail, SendText, Trigger


def check_mail(settings: Settings) -> str:
    """What is in order about emails; raises `OperationError` with what is not."""
    mailer = Mailer(settings)
    if not settings.smtp_host:
        return "no mail server is set: no emails are sent"
    if not mailer.is_configured:
        raise OperationError("set HOOKLINE_MAIL_FROM to the address that emails come from")
    server = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        asyncio.run(mailer.try_login())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what there is to tell
        why = f"{type(error).__name__}: {error}"
        raise OperationError(f"{server} takes no email from here: {why}") from None
    return f"{server} takes emails from {settings.mail_from}"


def check_texts(settings: Settings) -> str:
    """What is in order about texts; raises `OperationError` with what is not."""
    if not settings.sms_url:
        return "no gateway is set: no texts are sent"
    if not settings.sms_from:
        raise OperationError("set HOOKLINE_SMS_FROM to the number or name that texts come from")
    if settings.sms_url.startswith("http:") and not settings.allow_http:
        raise OperationError("HOOKLINE_SMS_URL must be https://, or HOOKLINE_ALLOW_HTTP be true")
    return f"they go to {settings.sms_url}"


def check_triggers(settings: Settings, configs: Iterable[Config]) -> str:
    """Whether all that triggers send can be; raises `OperationError` with what cannot."""
    sending = [action for it in configs if isinstance(it, Trigger) for action in it.actions]
    emails = sum(isinstance(action, SendEmail) for action in sending)
    texts = sum(isinstance(action, SendText) for action in sending)
    faults = []
    if emails and not settings.smtp_host:
        faults.append(f"{emails} send emails: set HOOKLINE_SMTP_HOST for the notifiers")
    if texts and not settings.sms_url:
        faults.append(f"{texts} send texts: set HOOKLINE_SMS_URL for the notifiers")
    if faults:
        raise OperationError(f"of triggers' actions {'; '.join(faults)}")
    return f"{emails} of their actions send emails, {texts} send texts"
