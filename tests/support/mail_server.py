"""A mail server for tests: real SMTP with STARTTLS and a login, which writes down what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from agents.broker.ports import free_port
from tests.support.certificates import Authority

USERNAME, PASSWORD = "hookline", "correct horse"
TAKEN = "250 taken"


@dataclass(frozen=True)
class Mail:
    """An email that was taken."""

    recipients: tuple[str, ...]
    message: EmailMessage
    was_encrypted: bool

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """What has come, and what to say: of a recipient by its address, of a message by `answer`."""

    directory: Path
    port: int = field(default_factory=free_port)
    refused: dict[str, str] = field(default_factory=dict)
    answer: str = TAKEN
    mails: list[Mail] = field(default_factory=list)
    tries: int = 0
    is_plain: bool = False  # it offers neither TLS nor a login
    authority: Authority = field(default_factory=Authority)

    def environment(self) -> dict[str, str]:
        """The settings of whoever sends through it, and whom they have to trust for that."""
        trusted = self.directory / "mail-authority.pem"
        trusted.write_bytes(self.authority.pem)
        return {
            "HOOKLINE_SMTP_HOST": "localhost",
            "HOOKLINE_SMTP_PORT": str(self.port),
            "HOOKLINE_SMTP_USERNAME": USERNAME,
            "HOOKLINE_SMTP_PASSWORD": PASSWORD,
            "HOOKLINE_MAIL_FROM": "hooks@hookline.example",
            "SSL_CERT_FILE": str(trusted),
        }

    # What aiosmtpd asks

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name, and what it gives
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.tries += 1
        if self.answer == TAKEN:
            read = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(read, EmailMessage)
            is_encrypted = session.ssl is not None
            self.mails.append(Mail(tuple(envelope.rcpt_tos), read, is_encrypted))
        return self.answer

    def start(self) -> Controller:
        secured: dict[str, Any] = {
            "tls_context": self.authority.server_context(),
            "require_starttls": True,
            "auth_required": True,
            "authenticator": _authenticated,
        }
        given = {} if self.is_plain else secured
        controller = Controller(self, hostname="127.0.0.1", port=self.port, **given)
        controller.start()
        return controller


def _authenticated(
    _server: Any, _session: Any, _envelope: Any, _kind: str, data: Any
) -> AuthResult:
    is_right = (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=is_right)


@contextmanager
def a_mail_server(directory: Path, *, is_plain: bool = False) -> Iterator[MailServer]:
    """A server on a free port of loopback, for the length of a `with` block."""
    server = MailServer(directory, is_plain=is_plain)
    controller = server.start()
    try:
        yield server
    finally:
        controller.stop()
