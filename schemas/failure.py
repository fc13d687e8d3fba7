"""A failure: the record on `failure-triggers`, for a delivery's first and its final failure.

Those between are written for webhooks whose failure trigger runs at every failure.
"""

from __future__ import annotations

from typing import Literal

from schemas.codec import Record
from schemas.job import Job


class Failure(Record):
    """A delivery failed: `attempts` tries so far, the last for `reason`. The job can be rerun."""

    stage: Literal["first", "again", "final"]
    at_ms: int
    attempts: int
    reason: str
    detail: str = ""
    status: int | None = None
    job: Job

    @property
    def key(self) -> bytes:
        """The record's key: the failures of one activity keep their order."""
        return self.job.event.key
