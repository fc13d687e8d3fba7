"""What is asked and answered about triggers."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from agents.api.models.base import PageQuery
from agents.api.models.forms import body_of, list_of, patch_of, shown_of, with_warnings
from schemas.common import Position
from schemas.trigger import Trigger

_TEXTS: Final = {
    "id": "1 to 63 of `a-z 0-9 - _`, unique in the account, never changed; drawn when left out.",
    "name": "For people.",
    "description": "For people.",
    "positions": "The phases that run it; without any it runs only where something names it.",
    "enabled": "A disabled trigger does nothing.",
    "conditions": "Groups of rules of which one must hold; without them every activity does.",
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
