"""What the decisions of a sender ask to be done: whoever does it reports back."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.assignments import Place
from pipeline.settlement import Settlement
from pipeline.suppression import Dropped
from schemas.job import Job


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job in this sender's hands, and the W3C trace that it came with."""

    place: Place
    job: Job
    trace: str

    @property
    def webhook(self) -> str:
        """What its queue and its endpoint's limits are kept under."""
        return f"{self.job.account_id}:{self.job.webhook_id}"


@dataclass(frozen=True, slots=True)
class Start:
    """Make the job's request, then tell `ended`."""

    open_job: OpenJob


@dataclass(frozen=True, slots=True)
class Write:
    """Write these records in their order, then tell `written`."""

    open_job: OpenJob
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class Bury:
    """Put the job on the dead letters for this fault, a traceback, then do as with `Write`."""

    open_job: OpenJob
    fault: str
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class Close:
    """The job is done with; `attempt_offset` is where its attempt was recorded, if it was.

    `dropped_as` says that it was not worked on: it is on record, or in hand, already; or its
    delivery was begun again, and the record of that is the place to look.
    """

    place: Place
    attempt_offset: int | None
    dropped_as: Dropped | None = None


Command = Start | Write | Bury | Close
