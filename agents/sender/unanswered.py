"""Why no answer came: an exception of the client as a kind of failure, with a detail in words."""

from __future__ import annotations

import ssl
from typing import Final

import aiohttp
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from agents.sender.answer import recordable
from agents.sender.phases import Clock
from pipeline.outcomes import NoAnswerKind, NotAnswered

_DETAIL_CHARACTERS_MAX: Final = 500

# The most telling class first: each is looked for in this order.
_KINDS: Final[tuple[tuple[type[BaseException], NoAnswerKind], ...]] = (
    (aiohttp.ConnectionTimeoutError, "connect"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ClientSSLError, "tls"),
    (aiohttp.ClientConnectorError, "connect"),
    (aiohttp.ServerDisconnectedError, "reset"),
    (aiohttp.ClientPayloadError, "reset"),
    (OSError, "reset"),
    (aiohttp.ClientError, "protocol"),
)

# OpenSSL's X509_V_ERR_… of a certificate; every other one means that nobody we know vouches for it.
_TLS_KINDS: Final[dict[int, NoAnswerKind]] = {
    9: "tls_expired",  # not yet valid
    10: "tls_expired",
    62: "tls_hostname",
    63: "tls_hostname",  # of an e-mail address
    64: "tls_hostname",  # of an IP address
}


def not_answered(
    error: BaseException, clock: Clock, *, timeout_s: float, connect_timeout_s: float
) -> NotAnswered:
    """The failure that an exception of the client stands for."""
    kind = _kind(error, clock)
    if isinstance(error, TimeoutError):
        limit_s, what = (
            (connect_timeout_s, "connection")
            if isinstance(error, aiohttp.ConnectionTimeoutError)
            else (timeout_s, "complete answer")
        )
        return NotAnswered(kind, f"no {what} within {limit_s:g} s: {clock.under_way}")
    detail = recordable(f"{type(error).__name__}: {error}")
    return NotAnswered(kind, detail[:_DETAIL_CHARACTERS_MAX])


def _kind(error: BaseException, clock: Clock) -> NoAnswerKind:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _certificate_kind(error.certificate_error)
    kind = next(kind for family, kind in _KINDS if isinstance(error, family))
    if kind == "protocol" and _is_about_size(error.__cause__):
        return "protocol_headers"
    is_broken_handshake = kind == "connect" and clock.is_in_tls
    return "tls" if is_broken_handshake and not isinstance(error, TimeoutError) else kind


def _certificate_kind(error: Exception) -> NoAnswerKind:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _TLS_KINDS.get(error.verify_code, "tls_untrusted")
    return "tls"


def _is_about_size(cause: BaseException | None) -> bool:
    """Whether the head of the answer had more, or longer, lines than are read."""
    while cause is not None:
        is_too_many = isinstance(cause, BadHttpMessage) and cause.message.startswith("Too many")
        if is_too_many or isinstance(cause, LineTooLong):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
