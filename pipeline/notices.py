"""What becomes of a notice: its record on `attempts`, and another try through a tier.

A message is tried again while somebody might still get it: a server that is away, or says that it
cannot just now. Whom it reached is not written to again, so a later try is for the others alone.
What a server refuses for good, and what cannot be sent at all, ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipeline.chains import depth_of
from pipeline.retries import due_at_ms
from schemas.attempt import Attempt, Next, OutcomeKind, Position, Response, SentRequest, Timings
from schemas.notice import Notice
from schemas.tiers import TIER_BY_NAME, Tier

# A mail server's short absence costs half a minute; who is away for five hours is past alarms.
SCHEDULE: Final = ("30s", "2m", "10m", "30m", "1h", "3h")

_NO_TIMES: Final = Timings()


@dataclass(frozen=True, slots=True)
class Carried:
    """One try to send: what was sent and answered, what that meant, and for whom it was in vain.

    `again` are the recipients who may get it with another try.
    """

    kind: OutcomeKind
    reason: str
    detail: str = ""
    request: SentRequest | None = None
    response: Response | None = None
    timings: Timings = _NO_TIMES
    again: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recipient that was refused, by a server or a gateway: the answer's code and text."""

    recipient: str
    code: int
    text: str
    is_final: bool


def carried_of(
    accepted: tuple[str, ...],
    refusals: tuple[Refusal, ...],
    *,
    request: SentRequest | None,
    response: Response | None,
    timings: Timings,
) -> Carried:
    """The try at the end of which some recipients were accepted and the others refused."""
    again = tuple(each.recipient for each in refusals if not each.is_final)
    told = "; ".join(f"{each.recipient} refused: {each.code} {each.text}" for each in refusals)
    detail = told if not accepted or not refusals else f"accepted for {len(accepted)}; {told}"
    kind: OutcomeKind = "delivered" if accepted and not again else "failed"
    code = 200 if kind == "delivered" else refusals[0].code
    return Carried(kind, f"{code // 100}xx", detail[:1_000], request, response, timings, again)


@dataclass(frozen=True, slots=True)
class ParkedNotice:
    """A notice to put into a tier until `due_at_ms`."""

    notice: Notice
    tier: Tier
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class NoticeSettlement:
    """The records that end a try: the later one first, if there is one, the attempt last."""

    parked: ParkedNotice | None
    attempt: Attempt


def settled(
    notice: Notice, carried: Carried, *, source: Position, now_ms: int, draw: float
) -> NoticeSettlement:
    """What follows from a try; `draw` is uniform in [0, 1)."""
    parked = _later(notice, carried, now_ms, draw)
    follows = Next(step="end")
    if parked is not None:
        follows = Next(step="retry", tier=parked.tier.name, due_at_ms=parked.due_at_ms)
    return NoticeSettlement(parked, _attempt(notice, carried, follows, source, now_ms))


def _later(notice: Notice, carried: Carried, now_ms: int, draw: float) -> ParkedNotice | None:
    if not carried.again or notice.attempt > len(SCHEDULE):
        return None
    tier = TIER_BY_NAME[SCHEDULE[notice.attempt - 1]]
    due = due_at_ms(tier, now_ms=now_ms, draw=draw)
    if due >= notice.expires_at_ms:
        return None
    action = notice.action.model_copy(update={"to": carried.again})
    update = {"attempt": notice.attempt + 1, "due_at_ms": due, "action": action}
    return ParkedNotice(notice.model_copy(update=update), tier, due)


def _attempt(
    notice: Notice, carried: Carried, follows: Next, source: Position, now_ms: int
) -> Attempt:
    event = notice.event
    return Attempt(
        delivery_id=notice.notice_id,
        account_id=notice.account_id,
        webhook_id=notice.webhook_id or "",
        event_id="" if event is None else event.event_id,
        activity_id="" if event is None else event.activity_id,
        phase="" if event is None else event.phase,
        attempt=notice.attempt,
        depth=depth_of(notice.chain),
        lane="new" if notice.attempt == 1 else "retry",
        at_ms=now_ms,
        first_queued_at_ms=notice.first_queued_at_ms,
        source=source,
        channel=notice.action.type,
        trigger_id=notice.trigger_id,
        outcome=carried.kind,
        reason=carried.reason,
        detail=carried.detail,
        request=carried.request,
        response=carried.response,
        timings=carried.timings,
        next=follows,
    )
