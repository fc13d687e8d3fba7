"""What is asked and answered when a delivery is begun again."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from agents.api.models.base import Answer, Body

Mode: TypeAlias = Literal["original", "current"]


class RerunBody(Body):
    """How to begin a delivery again."""

    mode: Mode = Field(
        "original",
        description="`original` sends the body that was sent before, to the byte; `current` makes "
        "it anew, of today's webhook and the activity as it is now. URL, credentials and signature "
        "are today's in either.",
    )


class RerunAnswer(Answer):
    """A delivery that was begun again."""

    delivery_id: str
    mode: Mode
    rerun: int = Field(description="How often it has been begun again by now.")
    attempt: int = Field(description="The number of its next attempt.")
    is_superseding: bool = Field(
        description="Whether a retry of an earlier run was still to come: it is not made any more."
    )
