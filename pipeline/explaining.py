"""Why each webhook did or did not fire for an activity: what is on record first, then a judgement.

A delivery on record is a fact. Without one the webhook is judged with the configuration as it is
now, which need not be that of the event's moment: where the webhook was changed since, the answer
says so. Of several events the one that came nearest to firing explains it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from pipeline.configs import Configs, HeldWebhook
from pipeline.matching import Reason, Verdict, explain
from schemas.event import Event
from schemas.phases import ROUTE
from schemas.trigger import Trigger
from schemas.webhook import Webhook

# `no_delivery`: today's configuration would fire; `content_expired`: the filter cannot be asked.
Why: TypeAlias = Reason | Literal["no_delivery", "content_expired"]

# The nearer to firing, the better it explains.
_NEARNESS: Final[dict[Reason, int]] = {
    "fired": 0,
    "filter": 1,
    "disabled": 2,
    "unknown_webhook": 2,
    "not_entitled": 3,
    "unknown_account": 3,
    "not_routed": 4,
    "position": 5,
}

EXPIRED: Final = "the event's content is no longer kept, so its fields cannot be asked for again"
_NO_DELIVERY: Final = (
    "with today's configuration it would fire: either the configuration was another at that time, "
    "or the delivery is too old, or too new, to be on record"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event on record; without `has_content` its activity is nothing but an id."""

    event: Event
    at_ms: int
    has_content: bool = True


@dataclass(frozen=True, slots=True)
class Owed:
    """A delivery on record; `trigger_id` is the trigger that asked for it, if one did."""

    delivery_id: str
    webhook_id: str
    event_id: str
    phase: str
    status: str
    trigger_id: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """One webhook: its deliveries, or the reason why there is none.

    `name` is None when there is no such webhook any more. `judged` is the event that the reason is
    about. `changed_since` says that the webhook was changed after that event.
    """

    webhook_id: str
    name: str | None
    deliveries: tuple[Owed, ...] = ()
    reason: Why = "fired"
    detail: str = ""
    judged: Seen | None = None
    changed_since: bool = False


def explained(
    account_id: int, seen: Sequence[Seen], owed: Iterable[Owed], configs: Configs
) -> tuple[Explained, ...]:
    """For each webhook of the account, by id, what became of the events of one activity.

    Webhooks that are gone are there as far as deliveries or a `route` event name them.
    """
    by_webhook: defaultdict[str, list[Owed]] = defaultdict(list)
    for delivery in owed:
        by_webhook[delivery.webhook_id].append(delivery)
    held = {each.webhook.id: each for each in configs.webhooks_of(account_id)}
    judgements = _nearest(newest_of_each(seen), held, configs)
    return tuple(
        _explained(webhook_id, held.get(webhook_id), by_webhook.get(webhook_id), judgements, seen)
        for webhook_id in sorted({*held, *by_webhook, *judgements})
    )


def newest_of_each(seen: Iterable[Seen]) -> tuple[Seen, ...]:
    """The newest event at each phase, and of those that run a webhook the newest for each webhook.

    An activity may be updated hundreds of times; the last time says as much as all of them.
    """
    newest: dict[tuple[str, str | None], Seen] = {}
    for each in sorted(seen, key=lambda one: one.at_ms):
        newest[each.event.phase, each.event.webhook_id] = each
    return tuple(newest.values())


_Judgement: TypeAlias = tuple[Verdict, Seen]


def _nearest(
    seen: Iterable[Seen], held: dict[str, HeldWebhook], configs: Configs
) -> dict[str, _Judgement]:
    nearest: dict[str, _Judgement] = {}
    for each in sorted(seen, key=lambda one: -one.at_ms):
        for webhook_id, verdict in _verdicts(each, held, configs):
            known = nearest.get(webhook_id)
            if known is None or _NEARNESS[verdict.reason] < _NEARNESS[known[0].reason]:
                nearest[webhook_id] = (verdict, each)
    return nearest


def _verdicts(
    seen: Seen, held: dict[str, HeldWebhook], configs: Configs
) -> Iterator[tuple[str, Verdict]]:
    for verdict in explain(seen.event, configs):
        if verdict.webhook_id is not None:
            yield verdict.webhook_id, verdict
        else:  # the account decided it for all of them
            yield from ((webhook_id, verdict) for webhook_id in held)


def _explained(
    webhook_id: str,
    held: HeldWebhook | None,
    owed: list[Owed] | None,
    judgements: dict[str, _Judgement],
    seen: Sequence[Seen],
) -> Explained:
    name = None if held is None else held.webhook.name
    if owed is not None:
        return Explained(webhook_id, name, tuple(owed))
    verdict, judged = judgements[webhook_id]
    why, detail = _reason(verdict, judged, held, seen)
    changed_since = held is not None and was_changed_after(held.webhook, judged.at_ms)
    return Explained(webhook_id, name, (), why, detail, judged, changed_since)


def _reason(
    verdict: Verdict, judged: Seen, held: HeldWebhook | None, seen: Sequence[Seen]
) -> tuple[Why, str]:
    has_rules = held is not None and bool(held.filter.groups)
    if verdict.reason in {"fired", "filter"} and has_rules and not judged.has_content:
        return "content_expired", EXPIRED
    if verdict.reason == "fired":
        return "no_delivery", _NO_DELIVERY
    if verdict.reason == "position" and held is not None:
        return "position", _where_it_was(held.webhook, seen)
    return verdict.reason, verdict.detail


def _where_it_was(webhook: Webhook, seen: Sequence[Seen]) -> str:
    if webhook.position == ROUTE:
        return "the webhook is run by a trigger, an IVR menu or `run` only, and nothing ran it"
    return where_it_was("webhook", webhook.position, seen)


def where_it_was(kind: str, positions: str, seen: Iterable[Seen]) -> str:
    """Where a webhook or a trigger is positioned, and where the activity was instead."""
    phases = dict.fromkeys(each.event.phase for each in sorted(seen, key=lambda one: one.at_ms))
    return f"the {kind} is positioned at {positions}; on record are {', '.join(phases)} only"


def was_changed_after(record: Webhook | Trigger, at_ms: int) -> bool:
    """Whether a record was written after a time; not, if nobody wrote down when."""
    try:
        written = datetime.fromisoformat(record.updated_at or record.created_at or "")
    except ValueError:
        return False
    return written.timestamp() * 1_000 > at_ms
