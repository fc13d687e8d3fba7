"""What the evidence proves: for each phase and each special case, whether it happened, and how.

Pure: evidence in, findings out.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from statistics import quantiles
from textwrap import shorten
from typing import Final

from agents.demo.evidence import Evidence
from agents.demo.scenario import (
    DEAD,
    DEAD_SCHEDULE,
    FILTERED,
    RETRIED,
    RETRIED_SCHEDULE,
    UNDECODABLE,
    webhook_id,
)
from schemas.attempt import Attempt
from schemas.phases import END, PHASES, Phase

# The twenty and the four others are one event apart, so this one has been decided on as well.
_SAME_EVENT: Final = next(webhook_id(phase) for phase in PHASES if phase.id == END)

_DETAIL_CHARACTERS: Final = 70

_OK_BELOW: Final = 300  # HTTP's 2xx


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """A phase: where its request went, how each attempt ended, and after what time it arrived."""

    phase: Phase
    path: str
    answers: tuple[str, ...] = ()
    latency_ms: float | None = None
    happened: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One special case: whether it happened, what was seen, and where to look."""

    name: str
    happened: bool
    seen: str
    where: str = ""


def phase_rows(evidence: Evidence) -> tuple[PhaseRow, ...]:
    """The twenty rows."""
    return tuple(_phase_row(phase, evidence) for phase in PHASES)


def special_cases(evidence: Evidence, filter_reason: str) -> tuple[Finding, ...]:
    """What happens when not all goes well; `filter_reason` is what the filter says of the event."""
    return (
        _retried(evidence),
        _dead(evidence),
        _filtered(evidence, filter_reason),
        _dead_letter(evidence),
    )


def latency(evidence: Evidence, expected: int, per_second: int) -> Finding:
    """The measured latency; it happened when every event arrived."""
    found = evidence.latencies_s
    if len(found) < 2:  # noqa: PLR2004 - there is no percentile of one
        return Finding("latency", happened=False, seen=f"{len(found)} of {expected} arrived")
    cuts = quantiles(found, n=100, method="inclusive")
    return Finding(
        "latency",
        len(found) == expected,
        f"p50 {cuts[49] * 1_000:.1f} ms, p95 {cuts[94] * 1_000:.1f} ms from produce to arrival",
        f"{len(found)} of {expected} events, {per_second}/s to one webhook, after everything else",
    )


def _phase_row(phase: Phase, evidence: Evidence) -> PhaseRow:
    id_ = webhook_id(phase)
    attempts = _attempts(evidence, id_)
    arrivals = evidence.arrivals.get(id_, [])
    if not attempts or not arrivals:
        return PhaseRow(phase, f"/{id_}")
    published_at_s = evidence.published_at_s.get(attempts[0].event_id)
    if published_at_s is None:  # Hookline's own event: it follows from the activity's end
        published_at_s = evidence.published_at_s[f"demo-{_SAME_EVENT}"]
    return PhaseRow(
        phase,
        f"/{id_}",
        tuple(map(answer_of, attempts)),
        (arrivals[0].at_s - published_at_s) * 1_000,
        attempts[-1].outcome == "delivered" and arrivals[-1].status < _OK_BELOW,
    )


def _retried(evidence: Evidence) -> Finding:
    attempts = _attempts(evidence, RETRIED)
    tiers = [attempt.next.tier for attempt in attempts[:-1]]
    done = (
        len(attempts) == len(RETRIED_SCHEDULE) + 1
        and attempts[-1].outcome == "delivered"
        and tiers == [*RETRIED_SCHEDULE]
    )
    answers = ", ".join(map(answer_of, attempts)) or "nothing yet"
    seen = f"/{RETRIED} answered {answers}"
    if done:
        seen += f"; attempts 2 and 3 came through retry.{RETRIED_SCHEDULE[0]}"
    return Finding("retried", done, seen, _place(evidence, RETRIED))


def _dead(evidence: Evidence) -> Finding:
    final = [
        (failure, place)
        for failure, place in evidence.failures.get(DEAD, [])
        if failure.stage == "final"
    ]
    if not final:
        tried = len(_attempts(evidence, DEAD))
        return Finding("dead", happened=False, seen=f"{tried} of {len(DEAD_SCHEDULE) + 1} attempts")
    failure, place = final[0]
    detail = shorten(failure.detail, _DETAIL_CHARACTERS, placeholder=" …")
    seen = f"given up after {failure.attempts} attempts, reason {failure.reason}: {detail}"
    return Finding("dead", failure.attempts == len(DEAD_SCHEDULE) + 1, seen, place)


def _filtered(evidence: Evidence, reason: str) -> Finding:
    """Nothing came of it, although the same event reached another webhook."""
    decided = bool(_attempts(evidence, _SAME_EVENT))
    came = len(_attempts(evidence, FILTERED)) + len(evidence.arrivals.get(FILTERED, []))
    seen = f"not sent: {reason}" if not came else "sent, although its filter rejects"
    return Finding("filtered", decided and not came, seen if decided else "not decided yet")


def _dead_letter(evidence: Evidence) -> Finding:
    for letter, place in evidence.dead_letters:
        if letter.value is not None and base64.b64decode(letter.value) == UNDECODABLE:
            reasons = "; ".join(fault.message for fault in letter.faults)
            return Finding("dead letter", happened=True, seen=reasons, where=place)
    return Finding("dead letter", happened=False, seen="nothing on dead-letters yet")


def answer_of(attempt: Attempt) -> str:
    """How an attempt ended, in a word: the status, or the reason why there was none."""
    return str(attempt.response.status) if attempt.response is not None else attempt.reason


def _attempts(evidence: Evidence, id_: str) -> list[Attempt]:
    """A webhook's attempts; a deferral is none."""
    found = [attempt for attempt, _ in evidence.attempts.get(id_, [])]
    return [attempt for attempt in found if attempt.outcome != "deferred"]


def _place(evidence: Evidence, id_: str) -> str:
    found = evidence.attempts.get(id_, [])
    return found[-1][1] if found else ""
