"""Which messages about a failing webhook are sent, and which are only counted.

For each action of a trigger the first message is sent and opens a window; what comes while that is
open is counted. When a window ends in which something was counted, one summary tells how much, and
opens the next; one that ends without ends the matter. All of it stands in one record of the webhook
(`schemas.notifier_state`), so whoever has read that decides as its writer would have: the notice
that opened a window is sent again after a crash, and one that was counted is not counted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from schemas.codec import encode
from schemas.ids import content_hash, notice_id
from schemas.notice import Notice
from schemas.notifier_state import WINDOWS_MAX, NotifierState, Window

Verdict: TypeAlias = Literal["send", "counted", "known"]

# A summary that is a day late tells of nothing that anybody would still do something about.
_EXPIRES_AFTER_MS: Final = 24 * 60 * 60 * 1_000


@dataclass(frozen=True, slots=True)
class Judged:
    """What to do with a notice, and the webhook's record from now on."""

    verdict: Verdict
    state: NotifierState


@dataclass(frozen=True, slots=True)
class Ended:
    """The summaries that are due, and the webhook's record once they are written."""

    summaries: tuple[Notice, ...]
    state: NotifierState


def is_throttled(notice: Notice) -> bool:
    """Whether a notice is one of those that can be too many: told of a failure, for the first time.

    What was decided on already comes back with a later attempt.
    """
    return notice.webhook_id is not None and notice.kind == "message" and notice.attempt == 1


def name_of(notice: Notice) -> str:
    """The window's name: the trigger and what its action is, wherever that stands among others."""
    return f"{notice.trigger_id}/{content_hash(encode(notice.action))}"


def judged(
    state: NotifierState, notice: Notice, *, offset: int, now_ms: int, throttle_ms: int
) -> Judged:
    """Judge a notice that was read at `offset` and `is_throttled`, in the light of `state`."""
    name = name_of(notice)
    window = next((each for each in state.windows if each.name == name), None)
    if window is None or (now_ms >= window.ends_at_ms and not window.count):
        return Judged("send", _with(state, _opened(notice, name, offset, now_ms, throttle_ms)))
    if window.opened_by == notice.notice_id:
        return Judged("send", state)
    if offset < window.counted_to:
        return Judged("known", state)
    counted = window.model_copy(
        update={
            "count": window.count + 1,
            "counted_to": offset + 1,
            "last": notice.failure,
        }
    )
    return Judged("counted", _with(state, counted))


def next_end_ms(state: NotifierState) -> int | None:
    """When the first of the windows ends; None without any."""
    return min((window.ends_at_ms for window in state.windows), default=None)


def ended(state: NotifierState, *, now_ms: int, throttle_ms: int) -> Ended:
    """Close the windows whose time is over; those in which something was counted go on anew."""
    summaries: list[Notice] = []
    left: list[Window] = []
    for window in state.windows:
        if now_ms < window.ends_at_ms:
            left.append(window)
        elif window.count:
            summary = _summary(state, window, now_ms)
            summaries.append(summary)
            left.append(_opened_again(window, summary, now_ms, throttle_ms))
    return Ended(tuple(summaries), state.model_copy(update={"windows": tuple(left)}))


def is_empty(state: NotifierState) -> bool:
    """Whether there is nothing to be remembered."""
    return not state.windows and state.disabling is None


def read_again(state: NotifierState, end: int) -> NotifierState:
    """The record as it counts for a log that ends at `end`: one made anew has other offsets."""
    windows = tuple(
        window.model_copy(update={"counted_to": 0}) if window.counted_to > end else window
        for window in state.windows
    )
    return state.model_copy(update={"windows": windows})


def _with(state: NotifierState, window: Window) -> NotifierState:
    """The record with a window in place of the one of its name; the oldest give way."""
    others = [each for each in state.windows if each.name != window.name]
    newest = sorted([*others, window], key=lambda each: each.opened_at_ms)[-WINDOWS_MAX:]
    return state.model_copy(update={"windows": tuple(newest)})


def _opened(notice: Notice, name: str, offset: int, now_ms: int, throttle_ms: int) -> Window:
    # The summary says what there is to say by itself: of the action it needs whom to tell.
    action = notice.action.model_copy(update={"template": None})
    if action.type == "email":
        action = action.model_copy(update={"subject": ""})
    return Window(
        name=name,
        trigger_id=notice.trigger_id,
        action=action,
        opened_by=notice.notice_id,
        opened_at_ms=now_ms,
        ends_at_ms=now_ms + throttle_ms,
        counted_to=offset + 1,
    )


def _opened_again(window: Window, summary: Notice, now_ms: int, throttle_ms: int) -> Window:
    return window.model_copy(
        update={
            "opened_by": summary.notice_id,
            "opened_at_ms": now_ms,
            "ends_at_ms": now_ms + throttle_ms,
            "count": 0,
        }
    )


def _summary(state: NotifierState, window: Window, now_ms: int) -> Notice:
    """The same summary whenever it is made: a second one is a repeat of the first."""
    return Notice(
        notice_id=notice_id(f"{window.opened_by}/summary", window.name, 0, state.account_id),
        account_id=state.account_id,
        trigger_id=window.trigger_id,
        webhook_id=state.webhook_id,
        kind="summary",
        action=window.action,
        failure=window.last,
        count=window.count,
        since_ms=window.opened_at_ms,
        first_queued_at_ms=now_ms,
        expires_at_ms=now_ms + _EXPIRES_AFTER_MS,
    )
