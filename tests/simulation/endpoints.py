"""Endpoints that follow a script: what each answers, and after how long."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.configs import Configs
from pipeline.outcomes import Answered, NotAnswered, NotSent, Result
from schemas.attempt import Response
from tests.simulation.world import World
from tests.support.builders import a_webhook, an_account
from tests.support.configs import configs_of

SCHEDULE = ("5s", "5s", "30s")

Answer = tuple[Result, int]
# Given the world and how many requests of the delivery have come: a result, and after how many ms.
Script = Callable[[World, int], Answer]


def _answered(status: int, retry_after: str | None = None) -> Result:
    return Answered(Response(status=status), retry_after)


def _fine(world: World, _count: int) -> Answer:
    return _answered(200), world.between(1, 40)


def _fails_twice(world: World, count: int) -> Answer:
    return _answered(500 if count <= 2 else 200), world.between(1, 40)


def _busy(world: World, count: int) -> Answer:
    return (_answered(503, "20") if count == 1 else _answered(204)), world.between(1, 20)


def _hangs(world: World, count: int) -> Answer:
    if count <= 1:
        return NotAnswered("timeout", "late"), 10_000
    return _answered(200), world.between(500, 4_000)


def _dead(_world: World, _count: int) -> Answer:
    return NotAnswered("connect", "refused"), 2


def _gone(world: World, _count: int) -> Answer:
    return _answered(410), world.between(1, 9)


def _forbidden(_world: World, _count: int) -> Answer:
    return NotSent("egress_private", "10.0.0.1"), 0


def _flaps(world: World, _count: int) -> Answer:
    result = _answered(200) if world.happens(0.5) else NotAnswered("reset", "reset")
    return result, world.between(1, 2_000)


SCRIPTS: dict[str, Script] = {
    "fine": _fine,
    "fails-twice": _fails_twice,
    "busy": _busy,
    "hangs": _hangs,
    "dead": _dead,
    "gone": _gone,
    "forbidden": _forbidden,
    "flaps": _flaps,
}


def _often_fails(world: World, _count: int) -> Answer:
    return _answered(500 if world.happens(0.3) else 200), world.between(1, 400)


# Webhooks with more to ask for than an endpoint: each is made of a script and of fields.
DEMANDING: dict[str, tuple[Script, dict[str, object]]] = {
    "limited": (_fine, {"rate_limit": {"per_second": 0.08}}),
    "ordered": (_often_fails, {"ordered": True, "retry": {"schedule": ("30s", "5s", "30s")}}),
    "coalescing": (
        _fine,
        {"position": "update", "coalesce": True, "rate_limit": {"per_second": 0.5}},
    ),
}
# Handling its jobs raises: a bug of ours.
FAULTY = "faulty"
SCRIPTS |= {name: script for name, (script, _) in DEMANDING.items()}
# At a webhook that is disabled nothing arrives; one request at a time makes others wait.
WEBHOOKS = [
    *(
        a_webhook(id=name, **{"retry": {"schedule": SCHEDULE}} | DEMANDING.get(name, (None, {}))[1])
        for name in SCRIPTS
    ),
    a_webhook(id="disabled", enabled=False),
    a_webhook(id=FAULTY),
]
ONE_AT_A_TIME = {"flaps", "hangs"}


def configs() -> Configs:
    """The configuration of every world."""
    one = {"concurrency_max": 1}
    webhooks = [it.model_copy(update=one) if it.id in ONE_AT_A_TIME else it for it in WEBHOOKS]
    return configs_of(an_account(), *webhooks)
