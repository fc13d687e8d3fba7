"""What is asked and answered about sources."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from agents.api.models.base import PageQuery
from agents.api.models.forms import body_of, list_of, patch_of, shown_of, with_warnings
from schemas.source import Source

_TEXTS: Final = {
    "id": "1 to 63 of `a-z 0-9 - _`, unique in the account, never changed; drawn when left out.",
    "name": "For people.",
    "description": "For people.",
    "enabled": "A disabled source takes nothing in.",
    "phase": "The phase of the activities that it makes.",
    "mapping": "Which foreign field becomes which field of an activity.",
    "version": "Counts its changes; `If-Match` names it.",
}
_EXAMPLE: Final = {
    "id": "web-form",
    "name": "Form on the web site",
    "mapping": [{"target": "caller_number", "paths": ["phone", "primary_phone"]}],
}

SourceBody: Final = body_of(Source, "SourceBody", _TEXTS, {}, example=_EXAMPLE)
SourcePatch: Final = patch_of(Source, "SourcePatch", _TEXTS, {}, example={"enabled": False})
ShownSource: Final = shown_of(Source, "Source", _TEXTS, {})
SourceAnswer: Final = with_warnings(ShownSource, "SourceAnswer")
SourcePage: Final = list_of(ShownSource, "SourcePage")


class SourceQuery(PageQuery):
    """Which sources to list."""

    enabled: bool | None = Field(None, description="Only those that are, or are not, enabled.")
    text: str | None = Field(
        None,
        max_length=200,
        description="Only those with this in their id, name or description, in any case.",
    )
