"""The configuration as an index over the configs topic, fed record by record.

It is a function of the newest record of each key and of nothing else, so every process that read
to the same offset decides alike: a record that cannot be read counts as a deletion (compaction
will remove its predecessor one day), and reading a record again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from pipeline.filter_index import FilterIndex
from pipeline.filters import CompiledFilter
from pipeline.sharing import SharedParts
from pipeline.token_index import TokenIndex
from pipeline.trigger_index import HeldTrigger, TriggerIndex
from schemas.account import Account
from schemas.codec import Fault, Malformed
from schemas.config import Config, ConfigKey, read_config, read_key
from schemas.replay import Replay
from schemas.rerun import Rerun
from schemas.source import Source
from schemas.trigger import Trigger
from schemas.webhook import Webhook

# A matcher decides only while it knows that it had read the topic to its end this recently.
# `hookline apply` and the API wait for twice as long after a write is readable, so an event that
# is published when they have returned meets the new configuration on every matcher. 200 ms is
# short for whoever waits, and long enough that checking costs ten small requests a second.
CONFIG_STALENESS_MS_MAX: Final = 200
# So many webhooks at one position are looked up by what their filters want. To ask fewer costs no
# more than that, and an index for each of a hundred thousand accounts would cost memory.
CROWD_MIN: Final = 16


@dataclass(frozen=True, slots=True)
class HeldWebhook:
    """A webhook and its filter, compiled once for all the activities to come."""

    webhook: Webhook
    filter: CompiledFilter


class Configs:
    """All records by id, webhooks and triggers by position, and sources by their tokens."""

    def __init__(self) -> None:
        """Hold nothing yet, as a topic without records does."""
        self.offset = -1
        self._records: dict[ConfigKey, Config] = {}
        # What is neither account nor webhook, by account: few of a hundred thousand have any.
        self._others: dict[int, dict[ConfigKey, Config]] = {}
        self._under_way: dict[ConfigKey, Replay] = {}
        self._held: dict[int, dict[str, dict[str, HeldWebhook]]] = {}
        self._crowds: dict[tuple[int, str], FilterIndex[HeldWebhook]] = {}
        self._triggers = TriggerIndex()
        self._tokens = TokenIndex()
        self._shared = SharedParts()

    def __len__(self) -> int:
        """How many records are held."""
        return len(self._records)

    def __iter__(self) -> Iterator[Config]:
        """Every record, in no particular order."""
        return iter(tuple(self._records.values()))

    def apply(self, key: bytes | None, value: bytes | None, offset: int) -> tuple[Fault, ...]:
        """Take in the record at `offset`; a missing or empty `value` deletes what `key` names.

        The faults of a record that cannot be used are returned, and nothing is held under its key.
        A record at or below an offset already taken in changes nothing.
        """
        if offset <= self.offset:
            return ()
        self.offset = offset
        try:
            where = read_key(key)
        except Malformed as malformed:
            return malformed.faults
        self._drop(where)
        try:
            if value:
                self._keep(where, read_config(key, value))
        except Malformed as malformed:
            return malformed.faults
        return ()

    def get(self, key: ConfigKey) -> Config | None:
        """The record under a key of the topic."""
        return self._records.get(key)

    def account(self, account_id: int) -> Account | None:
        """The account with this id."""
        return cast("Account | None", self._find(account_id, "account", str(account_id)))

    def webhook(self, account_id: int, webhook_id: str) -> Webhook | None:
        """The account's webhook with this id."""
        return cast("Webhook | None", self._find(account_id, "webhook", webhook_id))

    def trigger(self, account_id: int, trigger_id: str) -> Trigger | None:
        """The account's trigger with this id."""
        return cast("Trigger | None", self._find(account_id, "trigger", trigger_id))

    def held_trigger(self, account_id: int, trigger_id: str) -> HeldTrigger | None:
        """The account's trigger with this id, with its conditions."""
        return self._triggers.find(account_id, trigger_id)

    def triggers_at(self, account_id: int, phase: str) -> tuple[HeldTrigger, ...]:
        """The account's triggers that `phase` runs, enabled or not, by id."""
        return self._triggers.at(account_id, phase)

    def triggers_of(self, account_id: int) -> tuple[HeldTrigger, ...]:
        """All triggers of the account, by id."""
        return self._triggers.of(account_id)

    def source_of_token(self, token_hash: str) -> Source | None:
        """The source whose address has the token with this hash, enabled or not."""
        return self._tokens.find(token_hash)

    def owned(self, account_id: int, kind: str) -> tuple[Config, ...]:
        """All records of a kind that the account has, by id."""
        if kind == "webhook":
            return tuple(held.webhook for held in self.webhooks_of(account_id))
        others = self._others.get(account_id, {})
        found = [key for key in others if key.kind == kind]
        return tuple(others[key] for key in sorted(found, key=lambda key: key.id))

    def newest_run(self, account_id: int, delivery_id: str) -> int:
        """How often a delivery was begun again, as far as that still matters to its older jobs."""
        rerun = cast("Rerun | None", self._find(account_id, "rerun", delivery_id))
        return 0 if rerun is None else rerun.number

    def replays_under_way(self) -> tuple[Replay, ...]:
        """The replays of all accounts that some process has to carry out."""
        return tuple(self._under_way.values())

    def held_webhook(self, account_id: int, webhook_id: str) -> HeldWebhook | None:
        """The account's webhook with this id, with its filter."""
        webhook = self.webhook(account_id, webhook_id)
        return None if webhook is None else self._held[account_id][webhook.position][webhook_id]

    def webhooks_at(self, account_id: int, phase: str) -> tuple[HeldWebhook, ...]:
        """The account's webhooks positioned at `phase`, enabled or not."""
        return tuple(self._held.get(account_id, {}).get(phase, {}).values())

    def candidates(
        self, account_id: int, phase: str, activity: dict[str, Any]
    ) -> tuple[HeldWebhook, ...]:
        """Those of `webhooks_at` whose filters may accept an activity, and have yet to be asked."""
        crowd = self._crowds.get((account_id, phase))
        return self.webhooks_at(account_id, phase) if crowd is None else crowd.found(activity)

    def webhooks_of(self, account_id: int) -> tuple[HeldWebhook, ...]:
        """All webhooks of the account, by id."""
        positions = self._held.get(account_id, {}).values()
        held = [each for at_one in positions for each in at_one.values()]
        return tuple(sorted(held, key=lambda each: each.webhook.id))

    def _find(self, account_id: int, kind: str, record_id: str) -> Config | None:
        return self._records.get(ConfigKey(account_id, kind, record_id))

    def _keep(self, key: ConfigKey, record: Config) -> None:
        if isinstance(record, Webhook):
            filter_ = self._compiled(record)
            record = self._shared.webhook(record)
            held = HeldWebhook(record, filter_)
            positions = self._held.setdefault(record.account_id, {})
            positions.setdefault(record.position, {})[record.id] = held
            self._enter_crowd(held)
        elif not isinstance(record, Account):
            if isinstance(record, Trigger):
                self._triggers.add(record)
            elif isinstance(record, Source):
                self._tokens.add(record)
            self._others.setdefault(key.account_id, {})[key] = record
            if isinstance(record, Replay) and record.is_under_way:
                self._under_way[key] = record
        self._records[key] = record

    def _drop(self, key: ConfigKey) -> None:
        record = self._records.pop(key, None)
        if isinstance(record, Webhook):
            positions = self._held[record.account_id]
            del positions[record.position][record.id]
            self._leave_crowd(record, len(positions[record.position]))
            if not positions[record.position]:
                del positions[record.position]
            if not positions:
                del self._held[record.account_id]
        elif record is not None and not isinstance(record, Account):
            if isinstance(record, Trigger):
                self._triggers.remove(record)
            elif isinstance(record, Source):
                self._tokens.remove(record)
            others = self._others[key.account_id]
            del others[key]
            self._under_way.pop(key, None)
            if not others:
                del self._others[key.account_id]

    def _enter_crowd(self, held: HeldWebhook) -> None:
        """Enter a webhook into the index of its position, if it has one, or has to from now on."""
        where = (held.webhook.account_id, held.webhook.position)
        crowd, entering = self._crowds.get(where), [held]
        if crowd is None:
            entering = list(self.webhooks_at(*where))
            if len(entering) < CROWD_MIN:
                return
            crowd = self._crowds[where] = FilterIndex()
        for each in entering:
            crowd.add(each.webhook.id, each, each.filter)

    def _leave_crowd(self, webhook: Webhook, left: int) -> None:
        """Take a webhook out of the index of its position, which so many that are `left` need."""
        where = (webhook.account_id, webhook.position)
        if left < CROWD_MIN:
            self._crowds.pop(where, None)
        else:
            self._crowds[where].remove(webhook.id)

    def _compiled(self, webhook: Webhook) -> CompiledFilter:
        try:
            return self._shared.compiled(webhook)
        except Malformed as malformed:
            raise Malformed(
                tuple(Fault(f"filter.{fault.field}", fault.message) for fault in malformed.faults)
            ) from None
