"""How a replay's record moves on: who carries it out, how far it has come, and how it ends.

One process at a time carries a replay out, by a lease in its record: it renews the lease whenever
it writes how far it has come, and whoever finds the lease expired goes on from there. A record that
was changed meanwhile (cancelled, taken over, deleted) is not written again: None says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pipeline.replaying import Chosen
from schemas.replay import SAMPLES_MAX, Replay, ReplayCounts, ReplaySample

# A killed process is missed for so long; one that lives renews three times in it.
LEASE_MS: Final = 9_000

_NOTHING: Final = ReplayCounts(skipped={})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay has come. Places are offsets by `topic/partition`."""

    counts: ReplayCounts = _NOTHING
    samples: tuple[ReplaySample, ...] = ()
    begins: Mapping[str, int] = field(default_factory=dict)
    cursor: Mapping[str, int] = field(default_factory=dict)
    ends: Mapping[str, int] = field(default_factory=dict)
    detail: str = ""

    @classmethod
    def of(cls, replay: Replay) -> Progress:
        """As the record has it."""
        return cls(replay.counts, replay.samples, replay.begins, replay.cursor, replay.ends)


def with_read(progress: Progress, cursor: Mapping[str, int], read: int) -> Progress:
    """So many more records were read, up to `cursor`."""
    counts = progress.counts.model_copy(update={"read": progress.counts.read + read})
    moved = {**progress.cursor, **cursor}
    return Progress(counts, progress.samples, progress.begins, moved, progress.ends)


def with_chosen(progress: Progress, chosen: Iterable[Chosen]) -> Progress:
    """These were decided on, and what is to be begun of them is written."""
    chosen = tuple(chosen)
    skipped = dict(progress.counts.skipped)
    for each in chosen:
        if each.skipped is not None:
            skipped[each.skipped] = skipped.get(each.skipped, 0) + 1
    counts = progress.counts.model_copy(
        update={
            "chosen": progress.counts.chosen + len(chosen),
            "begun": progress.counts.begun + sum(each.skipped is None for each in chosen),
            "skipped": skipped,
        }
    )
    samples = (*progress.samples, *(each.sample for each in chosen))[:SAMPLES_MAX]
    return Progress(counts, samples, progress.begins, progress.cursor, progress.ends)


def is_free(replay: Replay, runner: str, now_ms: int) -> bool:
    """Whether a process may take a replay up: nobody else is at it, or has not been for a while."""
    is_others = replay.runner not in {None, runner} and replay.lease_until_ms > now_ms
    return replay.is_under_way and not is_others


def claimed(replay: Replay | None, runner: str, now_ms: int) -> Replay | None:
    """The record of a process that takes it up."""
    if replay is None or not is_free(replay, runner, now_ms):
        return None
    return replay.model_copy(update={"runner": runner, "lease_until_ms": now_ms + LEASE_MS})


def moved_on(replay: Replay | None, runner: str, progress: Progress, now_ms: int) -> Replay | None:
    """The record after some more of it was done, with a new lease."""
    if replay is None or not _is_held(replay, runner):
        return None
    return replay.model_copy(update={**_fields(progress), "lease_until_ms": now_ms + LEASE_MS})


def let_go(replay: Replay | None, runner: str, progress: Progress) -> Replay | None:
    """The record when its process ends first: the next one need not wait for the lease."""
    if replay is None or not _is_held(replay, runner):
        return None
    return replay.model_copy(update={**_fields(progress), **_NOBODY})


def completed(replay: Replay | None, runner: str, progress: Progress, now_ms: int) -> Replay | None:
    """The record when all was read: what was only counted can be run from here on."""
    if replay is None or not _is_held(replay, runner):
        return None
    update = {**_fields(progress), **_NOBODY}
    if replay.state == "planning":
        planned = {"state": "planned", "planned": progress.counts, **_anew(progress.begins)}
        return replay.model_copy(update={**update, **planned})
    return replay.model_copy(update={**update, "state": "done", "ended_at_ms": now_ms})


def broken_off(
    replay: Replay | None, runner: str, progress: Progress, now_ms: int
) -> Replay | None:
    """The record when it cannot be carried out, for the reason that `progress` tells."""
    if replay is None or not _is_held(replay, runner):
        return None
    failed = {"state": "failed", "ended_at_ms": now_ms}
    return replay.model_copy(update={**_fields(progress), **_NOBODY, **failed})


def started(replay: Replay, now_ms: int) -> Replay | None:
    """The record of what was only counted so far, to be run."""
    if replay.state != "planned":
        return None
    run = {"state": "running", "started_at_ms": now_ms, "detail": ""}
    return replay.model_copy(update={**run, **_anew(replay.begins)})


def cancelled(replay: Replay, now_ms: int) -> Replay | None:
    """The record when somebody wants no more of it; None when that was said before.

    What has ended can be cancelled as well: some of what it began may still wait.
    """
    if replay.state == "cancelled":
        return None
    end = {"state": "cancelled", "ended_at_ms": now_ms, "detail": ""}
    return replay.model_copy(update={**_NOBODY, **end})


_NOBODY: Final = {"runner": None, "lease_until_ms": 0}


def _is_held(replay: Replay, runner: str) -> bool:
    return replay.is_under_way and replay.runner == runner


def _fields(progress: Progress) -> dict[str, object]:
    return {
        "counts": progress.counts,
        "samples": progress.samples,
        "begins": dict(progress.begins),
        "cursor": dict(progress.cursor),
        "ends": dict(progress.ends),
        "detail": progress.detail,
    }


def _anew(begins: Mapping[str, int]) -> dict[str, object]:
    return {"counts": _NOTHING, "cursor": dict(begins)}
