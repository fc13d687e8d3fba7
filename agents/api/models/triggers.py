"""What is asked and answered about triggers."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from agents.api.models.base import Answer, PageQuery
from agents.api.models.forms import body_of, list_of, patch_of, shown_of, with_warnings
from schemas.common import Position
from schemas.trigger import Trigger

_TEXTS: Final = {
    "id": "1 to 63 of `a-z 0-9 - _`, unique in the account, never changed; drawn when left out.",
    "name": "For people.",
    "description": "For people.",
    "positions": "The phases that run it; without any it runs only where something names it.",
    "enabled": "A disabled trigger does nothing.",
    "conditions": "Groups of which one must hold, of rules, hours (`schedule_open`, "
    "`schedule_closed`) and `weekday`; without them every activity does.",
    "delay": "A tier's name: what the actions ask for waits so long; it is not judged again.",
    "actions": "What to do, in this order.",
    "version": "Counts its changes; `If-Match` names it.",
}
_EXAMPLE: Final = {
    "id": "tell-it",
    "name": "Tell the IT team",
    "actions": [{"type": "email", "to": ["it@example.com"]}],
}

TriggerBody: Final = body_of(Trigger, "TriggerBody", _TEXTS, {}, example=_EXAMPLE)
TriggerPatch: Final = patch_of(Trigger, "TriggerPatch", _TEXTS, {}, example={"enabled": False})
ShownTrigger: Final = shown_of(Trigger, "Trigger", _TEXTS, {})
TriggerAnswer: Final = with_warnings(ShownTrigger, "TriggerAnswer")
TriggerPage: Final = list_of(ShownTrigger, "TriggerPage")


class TriggerQuery(PageQuery):
    """Which triggers to list."""

    position: Position | None = Field(None, description="Only those that this phase runs.")
    enabled: bool | None = Field(None, description="Only those that are, or are not, enabled.")
    text: str | None = Field(
        None,
        max_length=200,
        description="Only those with this in their id, name or description, in any case.",
    )


class TriggerRunAction(Answer):
    """What one action of a trigger asks for."""

    type: str
    result: Literal["asked", "loop", "unchanged", "render_error"] = Field(
        description="`asked`; or why it asks for nothing: the webhook led here itself, the "
        "activity is so already, or its template cannot be rendered."
    )
    detail: str
    id: str | None = Field(
        description="Of what it asks for: a delivery's in the log for a webhook, an email or a "
        "text, a command's on `activity-commands` for the others; null where it asks for nothing."
    )


class TriggerRunAnswer(Answer):
    """A trigger that is being run."""

    event_id: str
    activity_id: str
    delay: str | None = Field(description="The tier in which all of it waits, if the trigger has.")
    actions: list[TriggerRunAction] = Field(description="In the order of the trigger's.")
