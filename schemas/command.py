"""A command: what a trigger asks of the upstream system, the record on `activity-commands`.

Whoever carries it out repeats `chain` in the event that tells of the change, so that a trigger is
never run by what it caused itself.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.codec import Many, Record
from schemas.common import CHAIN_MAX, AccountId, Link
from schemas.trigger import Scoring, SettingField, Tagging


class Command(Record):
    """Change an activity as `action` says; carrying it out twice changes nothing more."""

    command_id: str
    account_id: AccountId
    activity_id: str
    trigger_id: str
    event_id: str
    at_ms: int
    chain: Annotated[Many[Link], Field(max_length=CHAIN_MAX)] = ()
    action: Annotated[Tagging | Scoring | SettingField, Field(discriminator="type")]

    @property
    def key(self) -> bytes:
        """The record's key: the commands of one activity keep their order."""
        return f"{self.account_id}:{self.activity_id}".encode()
