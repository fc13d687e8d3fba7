"""What an audit needs of each record: a few fields, so that millions can be read."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.suppression import Noted, Reach
from schemas.attempt import Channel, OutcomeKind


class _Brief(BaseModel):
    """The part of a record that an audit needs; the rest is not looked at, which is quick."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class JobBrief(_Brief):
    """Of a job: whose it is, how far its delivery has come, and since when it is under way."""

    delivery_id: str
    rerun: int = 0
    attempt: int = 1
    deferrals: int = 0
    first_queued_at_ms: int

    @property
    def reach(self) -> Reach:
        """How far the delivery has come with this job."""
        return Reach(self.rerun, self.attempt, self.deferrals)


class _NextBrief(_Brief):
    step: Literal["retry", "defer", "end", "late"]


class AttemptBrief(_Brief):
    """Of an attempt: which job it settled, what came of it, and whether more follows."""

    delivery_id: str
    rerun: int = 0
    attempt: int
    deferrals: int = 0
    is_test: bool = False
    channel: Channel = "webhook"
    outcome: OutcomeKind
    next: _NextBrief

    @property
    def is_of_a_delivery(self) -> bool:
        """Whether it tells of a delivery: neither a test nor a message does."""
        return not self.is_test and self.channel == "webhook"

    @property
    def reach(self) -> Reach:
        """The furthest job of the delivery that is done with."""
        step = self.next.step
        return Noted("", self.attempt, self.deferrals, step, rerun=self.rerun).reach


class FailureBrief(_Brief):
    """Of a failure: which of a delivery's it is, and the delivery's run."""

    stage: str
    job: JobBrief
