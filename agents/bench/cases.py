"""What is measured: each scenario's cases, in full and in brief. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Final, Literal

from agents.bench.plan import (
    HANG,
    TIMEOUT_S_DEFAULT,
    Plan,
    behaving,
    fan_out,
    filtered,
    one_each,
    with_recovering,
)
from schemas.webhook import TIMEOUT_S_MAX

HEALTHY: Final = "healthy"

# Recovering endpoints answer after so long, so that it is seen how many requests each has at once.
_RECOVERING: Final = "slow/20"
_RECOVERING_COUNT: Final = 5
# Long enough for some forty requests to be in flight at 200 a second when one sender is killed.
IN_FLIGHT_MS: Final = 200
# What the scheduler takes out of the tiers each second, unless it is set otherwise.
_PARKED_PER_S: Final = 1_000


@dataclass(frozen=True, slots=True)
class Load:
    """So many events a second for so long."""

    per_second: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    rate: float = 200
    seconds: float = 20
    endpoints: int = 50
    payload_bytes: int = 1_024
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: an installation of its own, a plan, and what is done with it.

    `parked` jobs come due, and `replays` are written, as the loads begin. `against` is the case
    that the figure `compared` is put in relation to. `search` looks for the highest rate instead.
    """

    scenario: str
    name: str
    plan: Callable[[], Plan]
    loads: tuple[Load, ...]
    senders: int = 1
    parked: int = 0
    replays: int = 0
    kills: bool = False
    search: bool = False
    against: str | None = None
    compared: Literal["p95_ms", "cpu_s_per_1000"] = "p95_ms"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A few cases that show one thing."""

    name: str
    shows: str
    cases: Callable[[Options], Sequence[Case]]


def _steady(options: Options) -> tuple[Load, ...]:
    return (Load(options.rate, options.seconds),)


def _one(options: Options, scenario: str, plan: Callable[[], Plan]) -> Case:
    against = None if scenario == HEALTHY else HEALTHY
    return Case(scenario, scenario, plan, _steady(options), against=against)


def _healthy(options: Options) -> Sequence[Case]:
    return (_one(options, HEALTHY, partial(one_each, options.endpoints)),)


def _saturate(options: Options) -> Sequence[Case]:
    start = (Load(2 * options.rate, options.seconds),)
    plan = partial(one_each, options.endpoints)
    return (Case("saturate", "saturate", plan, start, search=True),)


def _hung(options: Options) -> Iterator[Case]:
    """A twentieth, a tenth, and the 15 of 50 that stop a global pool, at two timeouts."""
    count = options.endpoints
    worst = ceil(count * 0.3)
    tried: list[tuple[int, float]] = [
        (ceil(count * 0.05), TIMEOUT_S_DEFAULT),
        (ceil(count * 0.1), TIMEOUT_S_DEFAULT),
        (worst, TIMEOUT_S_DEFAULT),
        (worst, TIMEOUT_S_MAX),
    ]
    for sick, timeout_s in tried[2:] if options.quick else tried:
        yield Case(
            "hung",
            f"{sick} of {count} hang, {timeout_s:g} s",
            partial(one_each, count, sick, HANG, timeout_s=timeout_s),
            _steady(options),
            against=HEALTHY,
        )


def _sick(scenario: str, share: float, behaviour: str) -> Callable[[Options], Sequence[Case]]:
    def cases(options: Options) -> Sequence[Case]:
        count = options.endpoints
        sick = ceil(count * share)
        return (_one(options, scenario, partial(one_each, count, sick, behaviour)),)

    return cases


def _burst(options: Options) -> Sequence[Case]:
    seconds = 1 if options.quick else 5
    rest = max(1.0, options.seconds / 2)
    loads = (Load(options.rate, rest), Load(10 * options.rate, seconds), Load(options.rate, rest))
    return (Case("burst", "burst", partial(one_each, options.endpoints), loads, against=HEALTHY),)


def _retry_storm(options: Options) -> Sequence[Case]:
    parked = 2_000 if options.quick else 100_000
    seconds = max(options.seconds, parked / _PARKED_PER_S)
    return (
        Case(
            "retry-storm",
            f"{parked:,} parked come due",
            lambda: with_recovering(one_each(options.endpoints), _RECOVERING_COUNT, _RECOVERING),
            (Load(options.rate, seconds),),
            parked=parked,
            against=HEALTHY,
        ),
    )


def _replay_flood(options: Options) -> Sequence[Case]:
    replays = 1_000 if options.quick else 20_000
    return (
        Case(
            "replay-flood",
            f"{replays:,} replays",
            partial(one_each, options.endpoints),
            _steady(options),
            replays=replays,
            against=HEALTHY,
        ),
    )


def _wide(options: Options) -> Iterator[Case]:
    """More webhooks, and then more of them in one account: each against few."""
    many, crowd = (5_000, 200) if options.quick else (100_000, 1_000)
    plans: list[tuple[str, Callable[[], Plan], str | None]] = [
        ("100 webhooks", partial(one_each, 100), None),
        (f"{many:,} webhooks", partial(one_each, many), "100 webhooks"),
        ("1 per account", partial(filtered, crowd, 1), None),
        (f"{crowd:,} per account", partial(filtered, 1, crowd), "1 per account"),
    ]
    for name, plan, against in plans:
        yield Case("wide", name, plan, _steady(options), against=against, compared="cpu_s_per_1000")


def _fan_out(options: Options) -> Sequence[Case]:
    """As many deliveries as elsewhere, from a five hundredth of the events; at least three."""
    webhooks = 100 if options.quick else 500
    events_per_s = options.rate / webhooks
    seconds = max(options.seconds, 3 / events_per_s)
    loads = (Load(events_per_s, seconds),)
    return (Case("fan-out", f"1 event, {webhooks} webhooks", partial(fan_out, webhooks), loads),)


def _crash(options: Options) -> Sequence[Case]:
    return (
        Case(
            "crash",
            "1 of 2 senders killed",
            partial(behaving, options.endpoints, f"slow/{IN_FLIGHT_MS}"),
            (Load(options.rate, max(options.seconds, 10)),),
            senders=2,
            kills=True,
        ),
    )


SCENARIOS: Final[dict[str, Scenario]] = {
    it.name: it
    for it in (
        Scenario(HEALTHY, "all endpoints answer at once", _healthy),
        Scenario("saturate", "the highest rate held with p95 below 1 s", _saturate),
        Scenario("hung", "some endpoints never answer", lambda options: [*_hung(options)]),
        Scenario("failing", "40 % answer 500", _sick("failing", 0.4, "status/500")),
        Scenario("slow", "20 % answer after 1 s", _sick("slow", 0.2, "slow/1000")),
        Scenario("flapping", "20 % fail for 3 s in every 6", _sick("flapping", 0.2, "flap/3000")),
        Scenario("burst", "ten times the rate for 5 s", _burst),
        Scenario("retry-storm", "100,000 parked jobs come due at once", _retry_storm),
        Scenario("replay-flood", "20,000 replays beside new events", _replay_flood),
        Scenario(
            "wide",
            "100 and 100,000 webhooks; 1 and 1,000 in an account",
            lambda options: [*_wide(options)],
        ),
        Scenario("fan-out", "one event for 500 webhooks", _fan_out),
        Scenario("crash", "one of two senders is killed with SIGKILL", _crash),
    )
}


def chosen(names: Sequence[str], options: Options) -> list[Case]:
    """The cases of these scenarios (none: of all), with those that they are compared to."""
    found = [
        case
        for scenario in SCENARIOS.values()
        if not names or scenario.name in names
        for case in scenario.cases(options)
    ]
    if any(it.against == HEALTHY for it in found) and not any(it.name == HEALTHY for it in found):
        return [*_healthy(options), *found]
    return found
