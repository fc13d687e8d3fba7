"""A job: the record that asks a sender for the next attempt of a delivery.

It carries the event's snapshot, so a retry needs nothing but the job and the webhook's current
configuration, and after the first attempt the body as it was sent, so that every later attempt of
the delivery says the same.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.codec import Many, Record
from schemas.common import CHAIN_MAX, AccountId, Link
from schemas.event import Event

Lane = Literal["new", "retry", "replay"]


class Body(Record):
    """A request body frozen at the first attempt; a pixel has no text and no content type."""

    text: str
    content_type: str | None


class Job(Record):
    """A delivery's next attempt.

    `attempt` is its number, from 1. `rerun` counts how often the delivery was begun again: a job of
    a later run supersedes those of earlier ones. Attempts are numbered on through all runs;
    `attempts_before` is how many the earlier runs had. `config_offset` is the newest record of the
    configs topic that the matcher had read. `deferrals` counts how often the job was put off
    without an attempt; `deferred_for` is the reason of the last of them since the last attempt.
    `merged` counts the earlier jobs whose place this one has taken, having a later snapshot.
    `faults` counts how often a fault of ours, not the endpoint's, kept it from being attempted.
    `chain` is what led here, and `depth` counts the triggers in it. `replay_id` names the replay
    that began this run. Times are milliseconds since the epoch.
    """

    delivery_id: str
    account_id: AccountId
    webhook_id: str
    config_offset: int
    event: Event
    attempt: Annotated[int, Field(ge=1)] = 1
    rerun: Annotated[int, Field(ge=0)] = 0
    attempts_before: Annotated[int, Field(ge=0)] = 0
    lane: Lane = "new"
    first_queued_at_ms: int
    first_failed_at_ms: int | None = None
    due_at_ms: int | None = None
    expires_at_ms: int
    deferrals: Annotated[int, Field(ge=0)] = 0
    deferred_for: str | None = None
    merged: Annotated[int, Field(ge=0)] = 0
    faults: Annotated[int, Field(ge=0)] = 0
    depth: Annotated[int, Field(ge=0)] = 0
    chain: Annotated[Many[Link], Field(max_length=CHAIN_MAX)] = ()
    replay_id: str | None = None
    body: Body | None = None

    @property
    def tries(self) -> int:
        """The attempt's number within its run, which the webhook's retry schedule goes by."""
        return max(self.attempt - self.attempts_before, 1)

    @property
    def key(self) -> bytes:
        """The record's key: all jobs of one webhook share a partition, and so a sender."""
        return f"{self.account_id}:{self.webhook_id}".encode()
