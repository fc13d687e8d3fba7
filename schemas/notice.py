"""A notice: an email or a text that a trigger asks the notifier to send.

Its message is written when it is sent, so that it can say how many failures there were since.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.codec import Many, Record
from schemas.common import CHAIN_MAX, AccountId, Link
from schemas.event import Event
from schemas.trigger import SendEmail, SendText


class FailureTold(Record):
    """The failure that a notice tells of: of which delivery, and what became of its attempt."""

    delivery_id: str
    stage: Literal["first", "again", "final"]
    at_ms: int
    attempts: int
    reason: str
    detail: str = ""
    status: int | None = None


class Notice(Record):
    """A message to be sent: `action` says to whom, and with which templates.

    `webhook_id` is the webhook that fails; a notice that tells of no failure has none. An
    `announcement` tells that a webhook will be, or was, disabled because it fails. A `summary`
    tells of `count` further failures since the message at `since_ms`; `failure` is the last of
    them. `attempt` counts from 1. Times are milliseconds since the epoch.
    """

    notice_id: str
    account_id: AccountId
    trigger_id: str
    webhook_id: str | None = None
    kind: Literal["message", "summary", "announcement"] = "message"
    action: Annotated[SendEmail | SendText, Field(discriminator="type")]
    event: Event | None = None
    failure: FailureTold | None = None
    announcement: str = ""
    count: Annotated[int, Field(ge=0)] = 0
    since_ms: int | None = None
    attempt: Annotated[int, Field(ge=1)] = 1
    first_queued_at_ms: int
    due_at_ms: int | None = None
    expires_at_ms: int
    chain: Annotated[Many[Link], Field(max_length=CHAIN_MAX)] = ()

    @property
    def key(self) -> bytes:
        """The record's key: all notices of one webhook's failures are in one notifier's hands."""
        about = f"trigger/{self.trigger_id}" if self.webhook_id is None else self.webhook_id
        return f"{self.account_id}:{about}".encode()
