"""The events of something that came as a whole, such as a form: its own phase, and then its `end`.

A call tells of itself bit by bit. Of a form everything is known when it comes, so it ends there.
"""

from __future__ import annotations

from typing import Final

from schemas.event import Event
from schemas.ids import derived_event_id

END: Final = "end"


def with_end(event: Event) -> tuple[Event, ...]:
    """The event, and after it the end of its activity, unless it is that itself.

    The end's id is the event's own made anew, so a resend of one is a resend of both.
    """
    if event.phase == END:
        return (event,)
    event_id = derived_event_id(event.account_id, event.activity_id, END, event.event_id)
    return event, event.model_copy(update={"phase": END, "event_id": event_id})
