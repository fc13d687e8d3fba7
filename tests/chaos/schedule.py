"""When which fault happens: drawn from a seed before the run, so that a run can be repeated.

Every kind comes once before any comes again. Faults may overlap by chance, but those of the broker
never do, for two of them are one; and the last one ends early enough for the run to see its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.chaos.faults import ALL, ROLES, Fault
from tests.chaos.processes import AGENTS, role_of
from tests.chaos.relay import CUT, HALF_OPEN, ONLY_TO_CLIENT, ONLY_TO_SERVER, Mode, delayed

# A fault about so often: ten minutes have room for each of two dozen kinds twice.
EVERY_S: Final = 11.0
# Everything works for so long first, and when all faults have ended.
QUIET_FIRST_S: Final = 5.0
QUIET_LAST_S: Final = 5.0
# What the brokers are given between two of their faults.
BROKER_REST_S: Final = 8.0

# The longest time a broker is away unless the run says otherwise.
AWAY_S: Final = 20.0
# How far a clock jumps: a minute, as a bad time server may do it, and a time zone's hour.
JUMPS_MS: Final = (60_000, 3_600_000)

# Longer than the sessions: 2 s for senders and schedulers, 10 s for the matcher's group.
STOPS_S: Final = {"sender": (3.0, 7.0), "scheduler": (3.0, 7.0), "matcher": (12.0, 15.0)}


@dataclass(frozen=True, slots=True)
class World:
    """What faults can be drawn from."""

    nodes: int = 1
    endpoints: tuple[str, ...] = ("endpoint1",)
    away_s: float = AWAY_S


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault and when it begins, in seconds from the run's beginning."""

    at_s: float
    fault: Fault

    @property
    def ends_s(self) -> float:
        return self.at_s + self.fault.duration_s


Draw = Callable[[str, Random, World], Fault]


def _of_role(role: str) -> tuple[str, ...]:
    return tuple(name for name in AGENTS if role_of(name) == role)


def _at_once(kind: str, random: Random, _world: World) -> Fault:
    return Fault(kind, random.choice(_of_role(kind.partition("_")[0])), 0.0)


def _stop(kind: str, random: Random, _world: World) -> Fault:
    role = kind.partition("_")[0]
    return Fault(kind, random.choice(_of_role(role)), random.uniform(*STOPS_S[role]))


def _broker(kind: str, random: Random, world: World) -> Fault:
    seconds = {
        "broker_kill": random.uniform(0.2, 3.0),
        "broker_freeze": random.uniform(3.0, 12.0),
        "broker_away": world.away_s,
    }
    target = ALL if kind == "broker_away" else str(random.randint(1, world.nodes))
    return Fault(kind, target, seconds[kind])


def _storm(kind: str, random: Random, _world: World) -> Fault:
    return Fault(kind, ALL, random.uniform(8.0, 12.0))


def _link(kind: str, random: Random, world: World) -> Fault:
    names = AGENTS if kind.startswith("broker") else world.endpoints
    target = ALL if random.random() < 1 / 3 else random.choice(names)
    return Fault(kind, target, random.uniform(4.0, 12.0), mode=_mode(kind, random))


def _mode(kind: str, random: Random) -> Mode:
    if kind.endswith("_delay"):
        return delayed(random.choice((50, 300, 1_500)))
    if kind.endswith("_one_way"):
        return random.choice((ONLY_TO_SERVER, ONLY_TO_CLIENT))
    return CUT if kind.endswith("_cut") else HALF_OPEN


def _clock(kind: str, random: Random, _world: World) -> Fault:
    sign = 1 if kind == "clock_forward" else -1
    offset_ms = sign * random.choice(JUMPS_MS)
    return Fault(kind, random.choice(AGENTS), random.uniform(6.0, 12.0), offset_ms=offset_ms)


def _flap(kind: str, random: Random, _world: World) -> Fault:
    return Fault(kind, ALL, random.uniform(4.0, 10.0))


DRAW: Final[Mapping[str, Draw]] = {
    **{f"{role}_{how}": _at_once for how in ("kill", "term") for role in ROLES},
    **{f"{role}_stop": _stop for role in ROLES},
    **dict.fromkeys(("broker_kill", "broker_freeze", "broker_away"), _broker),
    "rebalance_storm": _storm,
    **{
        f"{link}_link_{trouble}": _link
        for link in ("broker", "endpoint")
        for trouble in ("cut", "delay", "half_open", "one_way")
    },
    "clock_forward": _clock,
    "clock_back": _clock,
    "endpoint_flap": _flap,
}
KINDS: Final = tuple(DRAW)
OF_BROKER: Final = frozenset({"broker_kill", "broker_freeze", "broker_away"})


def schedule(
    seed: int, seconds: float, kinds: Iterable[str] = KINDS, world: World | None = None
) -> tuple[Planned, ...]:
    """The faults of a run, by time; the same for the same arguments."""
    random = Random(seed)  # noqa: S311 - a draw that can be repeated
    faults = _drawn(random, seconds, tuple(kinds), world or World())
    of_broker = [it for it in faults if it.kind in OF_BROKER]
    others = [it for it in faults if it.kind not in OF_BROKER]
    planned = [*_one_by_one(_spread(random, of_broker, seconds)), *_spread(random, others, seconds)]
    return tuple(sorted(planned, key=lambda it: it.at_s))


def _drawn(random: Random, seconds: float, kinds: tuple[str, ...], world: World) -> list[Fault]:
    """As many faults as the time has room for, in whole shuffles of the kinds."""
    count = max(1, int((seconds - QUIET_FIRST_S - QUIET_LAST_S) // EVERY_S))
    names: list[str] = []
    while len(names) < count:
        names += random.sample(kinds, len(kinds))
    return [DRAW[name](name, random, world) for name in names[:count]]


def _spread(random: Random, faults: list[Fault], seconds: float) -> list[Planned]:
    """Each somewhere in a slot of its own, but so that it ends in time."""
    slot_s = (seconds - QUIET_FIRST_S - QUIET_LAST_S) / max(1, len(faults))
    planned = []
    for number, fault in enumerate(faults):
        at_s = QUIET_FIRST_S + (number + random.uniform(0, 0.6)) * slot_s
        latest_s = seconds - QUIET_LAST_S - fault.duration_s
        planned.append(Planned(round(max(0.0, min(at_s, latest_s)), 3), fault))
    return planned


def _one_by_one(planned: list[Planned]) -> Iterator[Planned]:
    """Those that do not begin before the one before them is over."""
    free_s = 0.0
    for each in planned:
        if each.at_s >= free_s:
            free_s = each.ends_s + BROKER_REST_S
            yield each
