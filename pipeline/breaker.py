"""Whether an endpoint is asked at all: a breaker as a table of transitions. Time is passed in.

No answer, a 5xx, 429 and 408 are signs of an unwell endpoint; any other status shows it alive. An
open one lets nothing through until its back-off is over; then one request is the probe, and its
result alone decides. What was under way when it opened says nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

# Eight in a row are no accident, and cost an endpoint that is down less than a second's worth.
IN_A_ROW_MAX: Final = 8
# An endpoint that fails every other time is not well either, though it never fails eight times.
WINDOW: Final = 20
IN_WINDOW_MAX: Final = WINDOW // 2
# A restart takes seconds; five minutes are as long as whoever mended it should have to wait.
BACK_OFF_MS_MIN: Final = 5_000
BACK_OFF_MS_MAX: Final = 300_000

State = Literal["closed", "open", "half_open"]
# `tripped` is the sign of being unwell that was one too many, `probe` a request while open.
Event = Literal["well", "unwell", "tripped", "probe", "none"]

TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    ("closed", "well"): "closed",
    ("closed", "unwell"): "closed",
    ("closed", "tripped"): "open",
    ("closed", "none"): "closed",
    ("open", "well"): "open",  # begun before it opened, as the next two
    ("open", "unwell"): "open",
    ("open", "none"): "open",
    ("open", "probe"): "half_open",
    ("half_open", "well"): "closed",
    ("half_open", "unwell"): "open",
    ("half_open", "none"): "open",  # the probe was not made after all: the next request is one
}

# Statuses that an endpoint gives when it is not well: it was too slow, or had too much to do.
_UNWELL_STATUSES: Final = frozenset({408, 429})

_WINDOW_BITS: Final = (1 << WINDOW) - 1
_DAY_MS: Final = 24 * 60 * 60 * 1_000


@dataclass(frozen=True, slots=True)
class Breaker:
    """One endpoint's breaker.

    `recent` has a bit for each of the last results, 1 for unwell, the newest lowest. `until_ms` and
    `back_off_ms` are of the last time it opened, `cause` is what opened it, in words.
    """

    state: State = "closed"
    recent: int = 0
    until_ms: int = 0
    back_off_ms: int = 0
    cause: str = ""

    def wait_ms(self, now_ms: int) -> int:
        """How long nothing may be asked yet; 0 when it is closed or a probe may be made.

        A clock that was set back must not keep it open for longer than its back-off.
        """
        left_ms = self.until_ms - now_ms
        return left_ms if self.state == "open" and 0 < left_ms <= self.back_off_ms else 0

    def why(self) -> str:
        """What to say of a job that it keeps from its endpoint."""
        seconds = self.until_ms % _DAY_MS // 1_000
        clock = f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02} UTC"
        return f"its breaker is open until {clock} after {self.cause}"


CLOSED: Final = Breaker()


def is_alive(status: int) -> bool:
    """Whether an answer with this status shows its endpoint to be well, whatever it means."""
    return status < 500 and status not in _UNWELL_STATUSES  # noqa: PLR2004 - the server's faults


def after(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    """The breaker after an event; raises KeyError for one that cannot happen in its state."""
    if breaker is CLOSED and event == "well":
        return breaker
    if breaker.state == "closed" and event != "none":
        return _counted(breaker, event, now_ms)
    state = TRANSITIONS[breaker.state, event]
    if state == "closed":
        return CLOSED if breaker.state == "half_open" else breaker
    if breaker.state == "half_open" and event == "unwell":
        longer_ms = min(breaker.back_off_ms * 2, BACK_OFF_MS_MAX)
        return _opened(replace(breaker, state=state), longer_ms, now_ms)
    return breaker if state == breaker.state else replace(breaker, state=state)


def _counted(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    is_unwell = event == "unwell"
    recent = (breaker.recent << 1 | is_unwell) & _WINDOW_BITS
    cause = _cause(recent)
    state = TRANSITIONS["closed", "tripped" if is_unwell and cause else event]
    if state == "open":
        return _opened(Breaker(state, cause=cause), BACK_OFF_MS_MIN, now_ms)
    return Breaker(state, recent) if recent else CLOSED


def _cause(recent: int) -> str:
    """What is too much in these results; nothing when they may pass."""
    row = (1 << IN_A_ROW_MAX) - 1
    if recent & row == row:
        return f"{IN_A_ROW_MAX} failures in a row"
    if recent.bit_count() >= IN_WINDOW_MAX:
        return f"{IN_WINDOW_MAX} failures in the last {WINDOW} requests"
    return ""


def _opened(breaker: Breaker, back_off_ms: int, now_ms: int) -> Breaker:
    return replace(breaker, until_ms=now_ms + back_off_ms, back_off_ms=back_off_ms)
