"""Email: one connection for each message to the mail server of the settings.

What the server says of each recipient counts for that recipient. What is wrong between us and the
server (away, no TLS, a login that it refuses) is for an operator to mend, so it is tried again; for
a moment after that nobody else tries, so that what waits does not wait for each in turn.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import Final

import aiosmtplib

from agents.notifier.outage import Outage
from agents.sender.answer import recordable
from agents.sender.phases import verifying_context
from pipeline.messages import Message
from pipeline.notices import Carried, Refusal, carried_of
from pipeline.requests import BODY_BYTES_KEPT
from pipeline.settings import Settings
from schemas.attempt import Response, SentRequest, Timings
from schemas.notice import Notice

# A server that takes longer for a greeting, a login and a message is as good as away.
SEND_S_MAX: Final = 30.0
# What it would still say after taking the message is of no use.
_QUIT_S: Final = 1.0
_DETAIL_CHARACTERS_MAX: Final = 500
_OK: Final = 250
_REFUSED_FOR_GOOD: Final = 500
_NO_SUCH_MAILBOX: Final = 553  # the name is not allowed (RFC 5321)

# Lines of ASCII: not every server takes others.
_PLAIN: Final = POLICY.clone(cte_type="7bit")
_UPGRADES: Final[dict[str, bool | None]] = {"required": True, "if_offered": None, "never": False}


class Mailer:
    """Sends emails; whatever happens is in what it returns."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        """Send through the settings' server; `tls` says whom to trust, by default the system's."""
        self._settings = settings
        self._tls = tls or verifying_context()
        self._outage = Outage()

    @property
    def is_configured(self) -> bool:
        """Whether there is a server, and an address to send from."""
        return bool(self._settings.smtp_host and self._settings.mail_from)

    async def carry(self, notice: Notice, message: Message) -> Carried:
        """Send a message to all of its recipients."""
        away = self._outage.now
        if away is not None:
            return Carried("failed", away.reason, away.detail, again=message.recipients)
        mail = mail_of(notice, message, self._settings.mail_from)
        began_s = time.perf_counter()
        try:
            async with asyncio.timeout(SEND_S_MAX):
                refusals, said = await self._send(mail, message.recipients)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this message's alone
            failed = _failed(error, mail, message.recipients, _since(began_s))
            if _is_outage(error):
                self._outage.begins(failed.reason, failed.detail)
            return failed
        refused = {each.recipient for each in refusals}
        accepted = tuple(each for each in message.recipients if each not in refused)
        return carried_of(
            accepted,
            refusals,
            request=as_recorded(mail, message),
            response=_response(_OK, said) if accepted else _of_first(refusals),
            timings=_since(began_s),
        )

    async def try_login(self) -> None:
        """Connect and log in, and send nothing; raises what comes of it."""
        async with asyncio.timeout(SEND_S_MAX):
            client = self._client()
            await client.connect()
            await _leave(client)

    async def _send(
        self, mail: EmailMessage, recipients: tuple[str, ...]
    ) -> tuple[tuple[Refusal, ...], str]:
        """Whom the server refused, and what it said of the message."""
        unwritable = tuple(
            Refusal(each, _NO_SUCH_MAILBOX, "not an address of ASCII characters", is_final=True)
            for each in recipients
            if not each.isascii()
        )
        others = [each for each in recipients if each.isascii()]
        if not others:
            return unwritable, ""
        client = self._client()
        await client.connect()
        try:
            found, said = await client.sendmail(
                self._settings.mail_from, others, mail.as_bytes(policy=_PLAIN)
            )
            told = [_refusal(name, it.code, it.message) for name, it in found.items()]
        except aiosmtplib.SMTPRecipientsRefused as error:
            told, said = (
                [_refusal(it.recipient, it.code, it.message) for it in error.recipients],
                "",
            )
        finally:
            await _leave(client)
        return (*unwritable, *told), said

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password if settings.smtp_username else None,
            local_hostname=socket.gethostname(),  # the full name would ask a name server
            timeout=SEND_S_MAX,
            use_tls=settings.smtp_tls,
            start_tls=False if settings.smtp_tls else _UPGRADES[settings.smtp_starttls],
            tls_context=self._tls,
        )


def mail_of(notice: Notice, message: Message, sender: str) -> EmailMessage:
    """The email; made again it has the same id, by which a second copy can be told."""
    mail = EmailMessage(policy=_PLAIN)
    mail["From"] = sender
    mail["To"] = ", ".join(message.recipients)
    mail["Subject"] = message.subject
    mail["Date"] = datetime.now(UTC)
    mail["Message-ID"] = f"<{notice.notice_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # so that no absence note answers it (RFC 3834)
    mail["X-Hookline-Account"] = str(notice.account_id)
    mail["X-Hookline-Trigger"] = notice.trigger_id
    if notice.webhook_id is not None:
        mail["X-Hookline-Webhook"] = notice.webhook_id
    mail.set_content(message.text)
    return mail


def as_recorded(mail: EmailMessage, message: Message) -> SentRequest:
    """The email as the log keeps it."""
    body = message.text.encode(errors="replace")
    return SentRequest(
        method="SMTP",
        url=f"mailto:{','.join(message.recipients)}",
        headers=tuple((name, recordable(str(value))) for name, value in mail.items()),
        body=recordable(body[:BODY_BYTES_KEPT].decode(errors="replace")),
        body_bytes=len(body),
    )


async def _leave(client: aiosmtplib.SMTP) -> None:
    with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        await client.quit(timeout=_QUIT_S)
    client.close()


def _refusal(recipient: str, code: int, said: str) -> Refusal:
    return Refusal(recipient, code, recordable(said), is_final=code >= _REFUSED_FOR_GOOD)


def _of_first(refusals: tuple[Refusal, ...]) -> Response:
    return _response(refusals[0].code, refusals[0].text)


def _response(code: int, said: str) -> Response:
    text = recordable(said)
    return Response(status=code, body=text, body_bytes=len(text.encode()))


def _since(began_s: float) -> Timings:
    return Timings(total_ms=round((time.perf_counter() - began_s) * 1_000, 2))


def _is_outage(error: Exception) -> bool:
    """Whether the next message would meet with the same: all but an answer to this one."""
    return not isinstance(error, aiosmtplib.SMTPDataError) and not _is_unsendable(error)


def _is_unsendable(error: Exception) -> bool:
    """Whether the message itself is at fault; a certificate that fails is a ValueError as well."""
    return isinstance(error, ValueError) and not isinstance(error, OSError)


def _failed(
    error: Exception, mail: EmailMessage, recipients: tuple[str, ...], timings: Timings
) -> Carried:
    """A try that came to nothing: for whom another makes sense, and what to call it."""
    code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else None
    is_for_good = _is_unsendable(error) or (
        isinstance(error, aiosmtplib.SMTPDataError) and error.code >= _REFUSED_FOR_GOOD
    )
    said = recordable(f"{type(error).__name__}: {error}")[:_DETAIL_CHARACTERS_MAX]
    body = mail.get_content()
    return Carried(
        "failed",
        _reason(error, code),
        said,
        as_recorded(mail, Message(recipients, (), mail["Subject"], body)),
        None if code is None else _response(code, str(error.args[1])),
        timings,
        () if is_for_good else recipients,
    )


def _reason(error: Exception, code: int | None) -> str:
    """The kind of failure, by the names that those of requests have."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return "auth"
    if code is not None:
        return f"{code // 100}xx"
    causes: list[BaseException] = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    found = (name for kind, name in _KINDS if any(isinstance(it, kind) for it in causes))
    return next(found, "internal")


# The most telling first.
_KINDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ssl.SSLError, "tls"),
    (socket.gaierror, "dns"),
    (aiosmtplib.SMTPConnectTimeoutError, "connect"),
    (TimeoutError, "timeout"),
    (aiosmtplib.SMTPServerDisconnected, "reset"),
    (OSError, "connect"),
    (aiosmtplib.SMTPException, "protocol"),  # as when STARTTLS is not offered
    (ValueError, "invalid"),
)
