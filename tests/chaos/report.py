"""A verdict as people read it, or as JSON for the pages that quote it.

What is wrong is named with its first few deliveries, so that the logs can be searched for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

import click

from tests.chaos.ledger import Verdict
from tests.chaos.repeats import Incident, Repeat

_NAMED_MAX: Final = 5
_WRONG: Final = {
    "lost": "owed, no 2xx, no end on record",
    "open": "delivered, no end on record",
    "unknown": "requested, asked for by no event",
    "false": "delivered on record, no 2xx at the receiver",
    "unannounced": "failed for good on record, no final failure written",
}


def tell(
    verdict: Verdict,
    incidents: Sequence[Incident] = (),
    *,
    seed: int | None = None,
    is_json: bool = False,
    is_good: bool | None = None,
) -> None:
    """Print it; when it is bad, with the seed and what happened when."""
    good = verdict.is_good if is_good is None else is_good
    if is_json:
        click.echo(json.dumps({"seed": seed, "good": good, **as_dict(verdict)}, indent=2))
    else:
        click.echo("\n".join(lines(verdict)))
    if not good:
        click.echo(f"BAD, seed {seed}; what happened:", err=True)
        click.echo("\n".join(time_line(incidents)), err=True)


def lines(verdict: Verdict) -> Iterable[str]:
    """A verdict as a table of plain text."""
    for name, value in _rows(verdict):
        yield f"  {name:<34} {value}"
    for name, count in verdict.ended.most_common():
        yield f"    ended, {name:<25} {count}"
    for cause, count in verdict.causes.most_common():
        yield f"    repeated, {cause:<22} {count}"
    for reason, count in verdict.deferrals.most_common():
        yield f"    put off, {reason:<22} {count}"
    for name, meaning in _WRONG.items():
        wrong = getattr(verdict, name)
        if wrong:
            yield f"  WRONG {name}: {len(wrong)} ({meaning}): {', '.join(wrong[:_NAMED_MAX])}"
    for title, some in _telling(verdict):
        if some:
            yield f"  {title}: {len(some)}"
            yield from (f"    {_shown(it)}" for it in some[:_NAMED_MAX])


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON has it: counts, and by name what is wrong."""
    return {
        **{name.replace(" ", "_"): value for name, value in _rows(verdict)},
        "ended": dict(verdict.ended),
        "causes": dict(verdict.causes),
        "deferrals": dict(verdict.deferrals),
        **{name: list(getattr(verdict, name)) for name in _WRONG},
    }


def time_line(incidents: Iterable[Incident]) -> Iterable[str]:
    """What happened when, in seconds since the first of it."""
    ordered = sorted(incidents, key=lambda it: it.began_s)
    for it in ordered:
        since_s = it.began_s - ordered[0].began_s
        yield f"  {since_s:7.1f} s  {_clock(it.began_s)}  {it.cause}, {it.lasted_s:.1f} s"


def _rows(verdict: Verdict) -> Iterable[tuple[str, Any]]:
    yield "events published", verdict.published
    yield "events acknowledged", verdict.events
    yield "deliveries owed", verdict.owed
    yield "delivered", verdict.delivered
    yield "ended with a reason", sum(verdict.ended.values())
    yield "lost", len(verdict.lost)
    yield "requests", verdict.requests
    yield "repeats", len(verdict.repeats)
    yield "repeats of what was on record", len(verdict.recorded_repeats)
    yield "repeats of late results", sum(it.was_late for it in verdict.repeats)
    yield "kills", len(verdict.kills)
    yield "in flight at the kills", verdict.in_flight
    yield "of these unanswered", sum(it.unanswered for it in verdict.kills)
    yield "repeats per request in flight", _rounded(verdict.ratio)
    yield "repeats per kill, median and most", _spread([it.repeats for it in verdict.kills])
    yield "late results", verdict.late
    yield "copies of jobs written", verdict.job_copies
    yield "final failures written twice", verdict.finals_twice
    yield "longest silence, s", round(verdict.silence_s, 1)
    yield "which began at", _clock(verdict.silence_at_s)


def _telling(verdict: Verdict) -> Iterable[tuple[str, Sequence[Repeat]]]:
    """Repeats that want an explanation."""
    yield "repeated though on record", verdict.recorded_repeats
    unexplained = tuple(it for it in verdict.repeats if it.cause == "unexplained")
    yield "repeated, unexplained", unexplained


def _shown(repeat: Repeat) -> str:
    first, second = repeat.first, repeat.second
    return (
        f"{first.delivery_id} {first.webhook}: {_clock(first.at_s)} from port {first.port}, "
        f"again {second.at_s - first.at_s:.2f} s later from port {second.port} ({repeat.cause})"
    )


def _clock(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%H:%M:%S.%f")[:-3]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _spread(values: Sequence[int]) -> str:
    return f"{median(values):g}, {max(values)}" if values else "none"
