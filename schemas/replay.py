"""A replay: chosen deliveries or events run again, at a bounded rate, by one process at a time.

The record is the order, how far it has come, and who carries it out until when: whoever finds the
lease expired goes on from the cursor.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, model_validator

from schemas.codec import Many, Record
from schemas.common import AccountId, Position, SlugLike, Text, Time

# On two cores live deliveries at 200 a second hardly notice so many beside them.
PER_SECOND_DEFAULT: Final = 25.0
PER_SECOND_MAX: Final = 1_000.0
# Enough to see what kind of thing was chosen; the record is written every few seconds.
SAMPLES_MAX: Final = 10

ReplayState: TypeAlias = Literal["planning", "planned", "running", "done", "cancelled", "failed"]

Reason = Annotated[str, Field(min_length=1, max_length=100)]
Status = Annotated[int, Field(ge=100, le=599)]


class Selection(Record):
    """What to replay, of one account; times are milliseconds since the epoch, `to_ms` excluded.

    `failures` are deliveries that ended as failed. `activities` are events, matched again with
    today's configuration; with `only_missed` those deliveries that were never attempted: the
    webhook did not exist, or was disabled.
    """

    source: Literal["failures", "activities"] = "failures"
    from_ms: Annotated[int, Field(ge=0)]
    to_ms: Annotated[int, Field(ge=0)]
    webhook_id: SlugLike | None = None
    phases: Annotated[Many[Position], Field(max_length=20)] = ()
    reasons: Annotated[Many[Reason], Field(max_length=50)] = ()
    statuses: Annotated[Many[Status], Field(max_length=50)] = ()
    only_missed: bool = False

    @model_validator(mode="after")
    def _parts_fit(self) -> Selection:
        if self.from_ms >= self.to_ms:
            raise ValueError("to_ms: must be later than from_ms")
        if self.source == "activities" and self.reasons:
            raise ValueError("reasons: only failures have any")
        if self.source == "activities" and self.statuses:
            raise ValueError("statuses: only failures have any")
        if self.only_missed and self.source != "activities":
            raise ValueError("only_missed: what was missed is found among activities")
        return self


class ReplayCounts(Record):
    """Records read, deliveries chosen among them, and of these begun, or skipped by reason."""

    read: int = 0
    chosen: int = 0
    begun: int = 0
    skipped: Annotated[dict[str, int], Field(default_factory=dict)]


class ReplaySample(Record):
    """A delivery that a plan chose; `reason` and `status` are those of its failure, if it had one.

    `skipped` says why it would not be begun.
    """

    delivery_id: str
    webhook_id: str
    activity_id: str
    phase: str
    at_ms: int
    reason: str | None = None
    status: int | None = None
    skipped: str | None = None


class Replay(Record):
    """An order and its progress: counted first if that was asked for, then run.

    `begins`, `cursor` and `ends` are offsets by `topic/partition`; they are set by the first
    process that carries it out. `planned` is what counting found, and `samples` some of it.
    """

    kind: Literal["replay"] = "replay"
    id: SlugLike
    account_id: AccountId
    note: Text = ""
    selection: Selection
    mode: Literal["original", "current"] = "original"
    per_second: Annotated[float, Field(gt=0, le=PER_SECOND_MAX)] = PER_SECOND_DEFAULT
    state: ReplayState = "running"
    detail: str = ""
    counts: ReplayCounts = ReplayCounts(skipped={})
    planned: ReplayCounts | None = None
    samples: Annotated[Many[ReplaySample], Field(max_length=SAMPLES_MAX)] = ()
    begins: Annotated[dict[str, int], Field(default_factory=dict)]
    cursor: Annotated[dict[str, int], Field(default_factory=dict)]
    ends: Annotated[dict[str, int], Field(default_factory=dict)]
    runner: str | None = None
    lease_until_ms: int = 0
    started_at_ms: int
    ended_at_ms: int | None = None
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether some process has to carry it out, or go on with it."""
        return self.state in {"planning", "running"}
