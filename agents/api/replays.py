"""Replays: ordered, counted, run, watched and cancelled here; `agents.replay` carries them out."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from agents.api.models.replays import (
    ReplayAnswer,
    ReplayBody,
    ReplayPage,
    ReplayQuery,
    ReplaySummary,
)
from agents.api.operation import Call, Operation, Reply
from agents.api.paging import page_of
from agents.api.problems import conflict, invalid, not_found
from agents.api.trying import account_of
from agents.clock import timestamp
from agents.history.reading import SearchTooLongError
from pipeline.changes import Change, plan_changes
from pipeline.configs import Configs
from pipeline.replay_runs import cancelled, started
from pipeline.timeseries import HistoryAwayError
from schemas.codec import Fault, Malformed, validate
from schemas.config import ConfigKey, key_of
from schemas.replay import Replay, Selection

# Of one account. They go one after the other, or a few at a time; whoever orders more has erred.
UNDER_WAY_MAX: Final = 10
# Of those that are not under way the newest are kept, as a log.
KEPT_MAX: Final = 200
# What a cancelled one has begun may wait for so long, and senders have to know what became of it.
_KEPT_MS_MIN: Final = 7 * 24 * 60 * 60 * 1_000
# Nobody plans as many in a week but by mistake, and each is a record that every agent holds.
REPLAYS_MAX: Final = 1_000
# Ids count down, so that in their order the newest comes first.
_COUNTED_FROM: Final = 2**44
_ID_BYTES: Final = 4

_TAG: Final = "Replays"
_PATH: Final = "/api/v1/accounts/{account}/replays"
_NAMES: Final = {"from_ms": "from", "to_ms": "to"}


async def _list(call: Call) -> Reply:
    wanted = call.query.state
    found = [it for it in _replays(call.services.view.configs, call) if wanted in {None, it.state}]
    shown, following = page_of(found, call.query, "replays", lambda it: it.id, first="")
    items = [ReplaySummary.of(each) for each in shown]
    return Reply(ReplayPage(items=items, next_cursor=following))


async def _create(call: Call) -> Reply:
    account_of(call)
    replay = _ordered(call)

    def decide(configs: Configs) -> tuple[Change, ...]:
        others = _replays(configs, call)
        if sum(each.is_under_way for each in others) >= UNDER_WAY_MAX:
            raise conflict(f"{UNDER_WAY_MAX} replays of the account are under way already")
        if len(others) >= REPLAYS_MAX:
            raise conflict(f"the account has {REPLAYS_MAX} replays: they go when a week old")
        created = plan_changes([replay], configs, now=timestamp(call.now_ms)).changes
        return (*created, *_surplus(others, call.now_ms))

    await call.services.writer.write(call.account_id, decide)
    return Reply(ReplayAnswer.whole(replay.model_copy(update={"version": 1}), {}))


async def _read(call: Call) -> Reply:
    replay = _replay(call.services.view.configs, call)
    try:
        outcomes = await call.services.history.outcomes(call.account_id, replay.id)
    except (HistoryAwayError, SearchTooLongError):
        outcomes = None
    return Reply(ReplayAnswer.whole(replay, outcomes))


async def _run(call: Call) -> Reply:
    account_of(call)
    why = "only what is planned can be run"
    return Reply(ReplayAnswer.whole(await _changed(call, started, why), {}))


async def _cancel(call: Call) -> Reply:
    changed = await _changed(call, cancelled, "it was cancelled before")
    return Reply(ReplayAnswer.whole(changed, None))


def _ordered(call: Call) -> Replay:
    """The replay that the body describes; raises the problem of what cannot be replayed."""
    body: ReplayBody = call.body
    _require_webhook(call, body.webhook_id)
    now_ms = call.now_ms
    fields: dict[str, Any] = body.model_dump(
        include={"source", "webhook_id", "phases", "reasons", "statuses", "only_missed"}
    )
    fields["from_ms"] = 0 if body.from_ is None else _ms(body.from_)
    # What it begins may fail as well, and must not be among what it was ordered for.
    fields["to_ms"] = now_ms if body.to is None else min(_ms(body.to), now_ms)
    try:
        selection = validate(Selection, fields)
    except Malformed as malformed:
        faults = [Fault(_NAMES.get(it.field, it.field), it.message) for it in malformed.faults]
        raise invalid(faults) from None
    return Replay(
        id=f"rp-{_COUNTED_FROM - now_ms:011x}-{secrets.token_hex(_ID_BYTES)}",
        account_id=call.account_id,
        note=body.note,
        selection=selection,
        mode=body.mode,
        per_second=body.per_second,
        state="running" if body.start else "planning",
        cursor={},
        begins={},
        ends={},
        started_at_ms=now_ms,
    )


def _require_webhook(call: Call, webhook_id: str | None) -> None:
    if webhook_id is None:
        return
    webhook = call.services.view.configs.webhook(call.account_id, webhook_id)
    if webhook is None:
        raise invalid([Fault("webhook_id", "the account has no such webhook")])
    if not webhook.enabled:
        raise conflict(f"webhook {webhook_id} is disabled: enable it first")


def _ms(at: datetime) -> int:
    return max(round(at.timestamp() * 1_000), 0)


async def _changed(call: Call, change: Callable[[Replay, int], Replay | None], why: str) -> Replay:
    """The replay as `change` has it, written; raises the problem, with `why`, when it has none."""
    changed: list[Replay] = []

    def decide(configs: Configs) -> tuple[Change, ...]:
        stored = _replay(configs, call)
        changed[:] = [each for each in (change(stored, call.now_ms),) if each is not None]
        if not changed:
            raise conflict(f"replay {stored.id} is {stored.state}: {why}")
        return plan_changes(changed, configs, now=timestamp(call.now_ms)).changes

    written = await call.services.writer.write(call.account_id, decide)
    (made,) = (change.record for change in written.changes)
    return made if isinstance(made, Replay) else changed[0]


def _replay(configs: Configs, call: Call) -> Replay:
    found = configs.get(ConfigKey(call.account_id, "replay", call.path["id"]))
    if not isinstance(found, Replay):
        raise not_found(f"replay {call.path['id'][:100]}")
    return found


def _replays(configs: Configs, call: Call) -> list[Replay]:
    owned = configs.owned(call.account_id, "replay")
    return [each for each in owned if isinstance(each, Replay)]


def _surplus(replays: list[Replay], now_ms: int) -> list[Change]:
    """The deletion of the oldest, where too many are kept; by their ids the newest come first."""
    old = [it for it in replays[KEPT_MAX:] if not it.is_under_way]
    return [
        Change("delete", key_of(it))
        for it in old
        if (it.ended_at_ms or it.started_at_ms) < now_ms - _KEPT_MS_MIN
    ]


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        _PATH,
        _list,
        "List replays",
        _TAG,
        "read",
        query=ReplayQuery,
        answer=ReplayPage,
        description="The newest comes first.",
    ),
    Operation(
        "POST",
        _PATH,
        _create,
        "Plan or start a replay",
        _TAG,
        "write",
        body=ReplayBody,
        answer=ReplayAnswer,
        status=201,
        problems=(409, 422, 503),
        description="Counts what it would begin and shows some of it, or, with `start`, begins. "
        "What was delivered since, or still waits, is left. At most ten go on in an account.",
    ),
    Operation(
        "GET",
        f"{_PATH}/{{id}}",
        _read,
        "Read a replay",
        _TAG,
        "read",
        answer=ReplayAnswer,
        problems=(404,),
        description="How far it has come, and what became of what it began.",
    ),
    Operation(
        "POST",
        f"{_PATH}/{{id}}/run",
        _run,
        "Run a replay",
        _TAG,
        "write",
        answer=ReplayAnswer,
        problems=(404, 409, 503),
        description="Begins what was planned.",
    ),
    Operation(
        "POST",
        f"{_PATH}/{{id}}/cancel",
        _cancel,
        "Cancel a replay",
        _TAG,
        "write",
        answer=ReplayAnswer,
        problems=(404, 409, 503),
        description="Begins nothing more, within a second. What it began and still waits, for its "
        "first attempt or a later one, ends as `skipped`, with the reason `replay_cancelled`, and "
        "can be replayed again.",
    ),
)
