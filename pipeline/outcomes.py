"""What an attempt meant: delivered, a failure worth another try, or the end of the delivery.

Success is any 2xx. Everything else is a failure with a reason code: a status (redirects are not
followed), or the kind of answer that never came. A few end the delivery whatever its retries: 410
(the receiver asks us to stop), and requests that can never be sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from schemas.attempt import OutcomeKind, Response, SentRequest, Timings

# `tls` and `protocol` come with refinements, which `retry_on` need not know: see `retries`.
NoAnswerKind = Literal[
    "timeout",
    "dns",
    "connect",
    "tls",
    "tls_expired",
    "tls_hostname",
    "tls_untrusted",
    "reset",
    "protocol",
    "protocol_headers",
    "secret_unreadable",
    "history_unavailable",
    "internal",
]

_GONE: Final = 410
_OVERLOAD_STATUSES: Final = frozenset({429, 503})
_OVERLOAD_KINDS: Final = frozenset({"timeout", "connect"})
# Longer than the longest tier a delay could not be kept.
RETRY_AFTER_MS_MAX: Final = 24 * 60 * 60 * 1_000

# A success is a success, but whoever answers so may want to know.
_CUTS: Final[dict[str | None, str]] = {
    "too_long": "the answer's body went on and on, so it was not read to its end",
    "unpacks_too_long": "the answer's body unpacks to too much, so it was not unpacked to its end",
}

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Answered:
    """The endpoint answered. `retry_after` is that header as sent."""

    response: Response
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """No answer came, or none that HTTP can read.

    `internal` is a fault of ours. At `secret_unreadable` a key is missing, at `history_unavailable`
    what the body is made of cannot be read: nothing was sent.
    """

    kind: NoAnswerKind
    detail: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request may not, or cannot, be sent at all: a forbidden address, an impossible URL."""

    reason: str
    detail: str


Result = Answered | NotAnswered | NotSent


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP try from end to end: what was sent, what came of it, how long each part took.

    There is no request when it could not even be made. `fault` is the traceback when the fault was
    ours.
    """

    request: SentRequest | None
    result: Result
    timings: Timings
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The meaning of a result; `is_final` when no retry can follow, whatever the webhook says."""

    kind: OutcomeKind
    reason: str
    detail: str = ""
    status: int | None = None
    retry_after_ms: int | None = None
    is_final: bool = False
    is_overload: bool = False


def outcome_of(result: Result, *, now_ms: int) -> Outcome:
    """What a result means. `now_ms` turns a Retry-After date into a delay."""
    if isinstance(result, Answered):
        return _of_status(result, now_ms)
    if isinstance(result, NotAnswered):
        is_overload = result.kind in _OVERLOAD_KINDS
        return Outcome("failed", result.kind, result.detail, is_overload=is_overload)
    return Outcome("blocked", result.reason, result.detail, is_final=True)


def _of_status(answered: Answered, now_ms: int) -> Outcome:
    status = answered.response.status
    if 200 <= status < 300:  # noqa: PLR2004 - the class of successful statuses
        detail = _CUTS.get(answered.response.cut, "")
        return Outcome("delivered", "delivered", detail, status=status, is_final=True)
    is_overload = status in _OVERLOAD_STATUSES
    return Outcome(
        "failed",
        "gone" if status == _GONE else f"http_{status}",
        f"the endpoint answered {status}{_pointed_elsewhere(answered.response)}",
        status=status,
        retry_after_ms=retry_after_ms(answered.retry_after, now_ms) if is_overload else None,
        is_final=status == _GONE,
        is_overload=is_overload,
    )


def _pointed_elsewhere(response: Response) -> str:
    """Where a redirect leads, as far as it was kept; nobody goes there."""
    location = next((value for name, value in response.headers if name.lower() == "location"), None)
    is_redirect = 300 <= response.status < 400  # noqa: PLR2004 - the class of redirects
    if not is_redirect or location is None:
        return ""
    return f" and pointed to {location}; redirects are not followed"


def retry_after_ms(header: str | None, now_ms: int) -> int | None:
    """The delay a Retry-After header asks for (RFC 9110, 10.2.3), seconds or a date; at most 24 h.

    A header that is neither is ignored, as if it had not been sent.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdecimal():
        # More than nine digits of seconds are decades: do not even make a number of them.
        delay_ms = int(text) * 1_000 if len(text) <= 9 else RETRY_AFTER_MS_MAX  # noqa: PLR2004
    else:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        # A date of no zone, or of "-0000", means UTC and not the zone of this machine.
        aware = date.replace(tzinfo=UTC) if date.tzinfo is None else date
        delay_ms = round((aware - _EPOCH) / _MILLISECOND) - now_ms
    return min(max(delay_ms, 0), RETRY_AFTER_MS_MAX)
