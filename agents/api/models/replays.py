"""What is asked and answered about replays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, Strict

from agents.api.models.base import Answer, Body, Page, PageQuery
from agents.api.models.searching import moment, moment_or_none
from schemas.codec import Many
from schemas.common import Position, SlugLike, Text
from schemas.replay import (
    PER_SECOND_DEFAULT,
    PER_SECOND_MAX,
    Reason,
    Replay,
    ReplayCounts,
    ReplayState,
    Status,
)

_SOURCE: Final = (
    "`failures` are deliveries that ended as failed, of the last 30 days; `activities` are events "
    "of the last 7 days, matched again with today's configuration."
)
_MODE: Final = (
    "`original` sends the body that was sent before or, where none was, one made of the activity "
    "as the event had it; `current` sends one made of the activity as it is now."
)


def _text(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("must be a time such as 2026-05-01T00:00:00Z")
    return value


Moment = Annotated[AwareDatetime, Strict(strict=False), BeforeValidator(_text)]


class ReplayBody(Body):
    """What to replay, and how."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"webhook_id": "crm", "reasons": ["timeout"]}]}
    )

    source: Literal["failures", "activities"] = Field("failures", description=_SOURCE)
    webhook_id: SlugLike | None = Field(None, description="Only of this webhook.")
    phases: Annotated[Many[Position], Field(max_length=20)] = Field(
        (), description="Only of events at these phases; empty: at any."
    )
    reasons: Annotated[Many[Reason], Field(max_length=50)] = Field(
        (), description="Only failures with these reason codes, such as `timeout`; empty: any."
    )
    statuses: Annotated[Many[Status], Field(max_length=50)] = Field(
        (), description="Only failures to which the endpoint answered one of these; empty: any."
    )
    only_missed: bool = Field(
        default=False,
        description="Of `activities`, only what was never attempted: the webhook did not exist, or "
        "was disabled.",
    )
    from_: Moment | None = Field(
        None,
        alias="from",
        description="From this time on (RFC 3339), by when a delivery failed or an event was "
        "written; left out, from the beginning of what is kept.",
    )
    to: Moment | None = Field(None, description="Before this time; left out, before now.")
    mode: Literal["original", "current"] = Field("original", description=_MODE)
    per_second: Annotated[float, Strict(strict=False), Field(gt=0, le=PER_SECOND_MAX)] = Field(
        PER_SECOND_DEFAULT, description="How many deliveries are begun in a second, at most."
    )
    note: Text = Field("", description="For people.")
    start: bool = Field(
        default=False,
        description="Begin at once; otherwise it is counted only, and `run` begins it.",
    )


class CountsAnswer(Answer):
    """What was found so far."""

    read: int = Field(description="Records of the topic that were gone through.")
    chosen: int = Field(description="Deliveries among them that were asked for.")
    begun: int = Field(description="Of these, those begun, or to be begun.")
    skipped: dict[str, int] = Field(description="And those left, by reason.")

    @classmethod
    def of(cls, counts: ReplayCounts) -> Self:
        """The counts as they are answered."""
        return cls(**counts.model_dump())


class SampleAnswer(Answer):
    """A delivery that was chosen."""

    delivery_id: str
    webhook_id: str
    activity_id: str
    phase: str
    at: str = Field(description="When it failed, or when its event was written.")
    reason: str | None = Field(description="Why it failed.")
    status: int | None = Field(description="What its endpoint answered.")
    skipped: str | None = Field(description="Why it is left; null for one that is begun.")


class ReplaySummary(Answer):
    """A replay in a list."""

    id: str
    state: ReplayState = Field(
        description="`planning` (it is being counted), `planned`, `running`, `done`, `cancelled` "
        "or `failed`."
    )
    detail: str = Field(description="What it waits for at present, or why it failed.")
    note: str
    source: str = Field(description=_SOURCE)
    webhook_id: str | None
    phases: list[str]
    reasons: list[str]
    statuses: list[int]
    only_missed: bool
    from_: str = Field(alias="from")
    to: str
    mode: str = Field(description=_MODE)
    per_second: float
    progress: float = Field(description="How much of what is to be read was read, from 0 to 1.")
    counts: CountsAnswer
    planned: CountsAnswer | None = Field(description="What counting found; null if not counted.")
    started_at: str
    ended_at: str | None
    version: int

    @classmethod
    def of(cls, replay: Replay) -> Self:
        """The replay as it is answered."""
        return cls(**_fields(replay))


class ReplayAnswer(ReplaySummary):
    """A replay."""

    samples: list[SampleAnswer] = Field(description="The first that were chosen, at most ten.")
    outcomes: dict[str, int] | None = Field(
        description="How many of those begun stand how by now, as the history has it; null while "
        "it cannot be asked."
    )

    @classmethod
    def whole(cls, replay: Replay, outcomes: Mapping[str, int] | None) -> Self:
        """The replay as it is answered, with samples and outcomes."""
        samples = [
            SampleAnswer(**each.model_dump(exclude={"at_ms"}), at=moment(each.at_ms))
            for each in replay.samples
        ]
        found = None if outcomes is None else dict(outcomes)
        return cls(**_fields(replay), samples=samples, outcomes=found)


class ReplayPage(Page[ReplaySummary]):
    """A page of replays, the newest first."""


class ReplayQuery(PageQuery):
    """Which replays to list."""

    state: ReplayState | None = Field(None, description="Only those in this state.")


def _fields(replay: Replay) -> dict[str, object]:
    wanted, planned = replay.selection, replay.planned
    same = ("id", "state", "detail", "note", "mode", "per_second", "version")
    return {
        **{name: getattr(replay, name) for name in same},
        **wanted.model_dump(exclude={"from_ms", "to_ms"}),
        "from": moment(wanted.from_ms),
        "to": moment(wanted.to_ms),
        "progress": progress_of(replay),
        "counts": CountsAnswer.of(replay.counts),
        "planned": None if planned is None else CountsAnswer.of(planned),
        "started_at": moment(replay.started_at_ms),
        "ended_at": moment_or_none(replay.ended_at_ms),
    }


def progress_of(replay: Replay) -> float:
    """How much was read of what is to be read."""
    begins, ends = replay.begins, replay.ends
    whole = sum(ends[place] - begins.get(place, 0) for place in ends)
    if replay.state in {"planned", "done"} or not whole:
        return float(replay.state in {"planned", "done"})
    done = sum(replay.cursor.get(place, 0) - begins.get(place, 0) for place in ends)
    return round(min(max(done / whole, 0.0), 1.0), 4)
