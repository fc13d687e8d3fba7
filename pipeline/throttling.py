"""Which messages about a failing webhook are sent, and which are only counted.

For each action of a trigger the first message is sent and opens a window; what comes while that is
open is counted. When a window ends in which something was counted, one summary tells how much, and
opens the next; one that ends without ends the matter. All of it stands in one record of the webhook
(`schemas.notifier_state`), so whoever has read that decides as its writer would have: the notice
that opened a window is sent again after a crash, and one that was counted is not counted again. A
summary stands there before it is written, so that after a crash it says what it said.
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
    """The webhook's record, and the summaries that are to be written when that is kept."""

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
    if window is None or _is_over(window, now_ms):
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


def _is_over(window: Window, now_ms: int) -> bool:
    """Whether there is nothing more to tell of a window."""
    return now_ms >= window.ends_at_ms and not window.count and window.due is None


def next_end_ms(state: NotifierState) -> int | None:
    """When the first of the windows ends, at once if a summary is due; None without any."""
    ends = (0 if window.due is not None else window.ends_at_ms for window in state.windows)
    return min(ends, default=None)


def ended(state: NotifierState, *, now_ms: int, throttle_ms: int) -> Ended:
    """Close the windows whose time is over; those in which something was counted go on anew."""
    left = [
        window if now_ms < window.ends_at_ms else _opened_again(state, window, now_ms, throttle_ms)
        for window in state.windows
        if not _is_over(window, now_ms)
    ]
    summaries = tuple(window.due for window in left if window.due is not None)
    return Ended(summaries, state.model_copy(update={"windows": tuple(left)}))


def told(state: NotifierState, summaries: tuple[Notice, ...]) -> NotifierState:
    """The record when these summaries are written."""
    ids = {summary.notice_id for summary in summaries}
    windows = tuple(
        window.model_copy(update={"due": None})
        if window.due is not None and window.due.notice_id in ids
        else window
        for window in state.windows
    )
    return state.model_copy(update={"windows": windows})


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


def _opened_again(state: NotifierState, window: Window, now_ms: int, throttle_ms: int) -> Window:
    """The next window, with the summary of this one; but first an earlier one must be written."""
    if window.due is not None:
        return window
    summary = _summary(state, window, now_ms)
    return window.model_copy(
        update={
            "opened_by": summary.notice_id,
            "opened_at_ms": now_ms,
            "ends_at_ms": now_ms + throttle_ms,
            "count": 0,
            "due": summary,
        }
    )


def _summary(state: NotifierState, window: Window, now_ms: int) -> Notice:
    """What there was in a window, under an id of its own."""
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
