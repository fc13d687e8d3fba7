"""Webhooks, triggers and sources: the same operations over records of an account, said once.

A write is decided on the newest record there is, and refused with every fault at once. What refers
to a record keeps it from being deleted. No answer holds a secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from agents.api.models.base import Answer, PageQuery
from agents.api.models.forms import Given
from agents.api.operation import Call, Reply, etag
from agents.api.paging import page_of
from agents.api.problems import conflict, not_found, stale
from agents.api.saving import Checked, checked, sealed, warnings_now
from agents.clock import timestamp
from pipeline.changes import Change, plan_changes
from pipeline.configs import Configs
from pipeline.masks import masked
from pipeline.one_record import users_of
from schemas.codec import Fault
from schemas.config import Config, ConfigKey
from schemas.source import Source
from schemas.webhook import Webhook

# Of each kind in one account. All of an account's are looked through at each write, and lists are
# for people; whoever needs more has more than one customer in the account.
RECORDS_MAX: Final = 1_000
# 60 random bits: no two of an account's records are given the same id by chance.
_ID_CHARACTERS: Final = 12
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
# A refusal names so many of what is in the way.
_NAMED_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of record, and how it is written, answered and listed."""

    kind: str
    letters: str  # what ids that are drawn begin with
    body: type[Given]
    patch: type[Given]
    answer: type[Answer]
    page: type[Answer]
    query: type[PageQuery]

    @property
    def path(self) -> str:
        """Where an account's records of the kind are."""
        return f"/api/v1/accounts/{{account}}/{self.kind}s"


@dataclass(frozen=True, slots=True)
class Saved:
    """A record as it is on the topic, and what may not be meant by it."""

    record: Config
    warnings: tuple[Fault, ...]


class Records:
    """The handlers of one kind."""

    def __init__(self, resource: Resource) -> None:
        """Serve `resource`."""
        self._resource = resource

    def key(self, call: Call) -> ConfigKey:
        """The key of the record that the path names."""
        return ConfigKey(call.account_id, self._resource.kind, call.path["id"])

    def wanted(self, call: Call) -> list[Config]:
        """All of the account's records that the query asks for, by id."""
        configs = call.services.view.configs
        owned = configs.owned(call.account_id, self._resource.kind)
        return [record for record in owned if _is_wanted(record, call.query)]

    async def list(self, call: Call) -> Reply:
        """A page of the records that the query asks for."""
        return Reply(self._resource.page.model_validate(self.page(self.wanted(call), call.query)))

    def page(self, records: Iterable[Config], query: PageQuery) -> dict[str, Any]:
        """The fields of a page of these records."""
        name = f"{self._resource.kind}s"
        shown, cursor = page_of(records, query, name, lambda it: str(it.id), "")
        return {"items": [shown_fields(record) for record in shown], "next_cursor": cursor}

    async def read(self, call: Call) -> Reply:
        """One record, with its warnings."""
        configs = call.services.view.configs
        record = existing(configs, self.key(call), None)
        return self.reply(Saved(record, warnings_now(call, record, configs)))

    async def create(self, call: Call) -> Reply:
        """A new record; its id is drawn unless it is given."""
        saved = await self.created(call)
        reply = self.reply(saved)
        return Reply(reply.body, headers={**reply.headers, **self.location(call, saved)})

    def location(self, call: Call, saved: Saved) -> dict[str, str]:
        """The header that says where a new record is."""
        path = f"{self._resource.path}/{saved.record.id}"
        return {"Location": path.replace("{account}", str(call.account_id))}

    async def created(
        self, call: Call, finished: Callable[[Config], Config] = lambda it: it
    ) -> Saved:
        """The new record that a call asks for, `finished` by what is not the client's to say."""
        given = call.body.root
        drawn = f"{self._resource.letters}_{_drawn_id()}"
        key = ConfigKey(call.account_id, self._resource.kind, str(given.get("id") or drawn))

        def wanted(configs: Configs) -> Checked:
            if configs.get(key) is not None:
                raise conflict(f"there is a {key.kind} {key.id} already", Fault("id", "is taken"))
            if len(configs.owned(key.account_id, key.kind)) >= RECORDS_MAX:
                raise conflict(f"an account has {RECORDS_MAX} {key.kind}s at most")
            found = checked(call, key, {**given, "id": key.id}, configs)
            return Checked(finished(found.record), found.warnings)

        return await save(call, key, wanted)

    async def replace(self, call: Call) -> Reply:
        """A record as a whole: what is left out takes its default."""
        return await self._changed(call, call.body.root, is_patch=False)

    async def patch(self, call: Call) -> Reply:
        """Some of a record's fields."""
        return await self._changed(call, call.body.root)

    async def enable(self, call: Call) -> Reply:
        """Let it do its work."""
        return await self._changed(call, {"enabled": True})

    async def disable(self, call: Call) -> Reply:
        """Keep it from doing its work, whatever else is wrong with it by now."""
        key = self.key(call)

        def wanted(configs: Configs) -> Checked:
            record = existing(configs, key, call.if_match)
            disabled = record.model_copy(update={"enabled": False})
            return Checked(disabled, warnings_now(call, disabled, configs))

        return self.reply(await save(call, key, wanted))

    async def delete(self, call: Call) -> Reply:
        """Remove a record that nothing refers to."""
        key = self.key(call)

        def decide(configs: Configs) -> Iterable[Change]:
            existing(configs, key, call.if_match)
            users = users_of(key, configs)
            if users:
                named = ", ".join(users[:_NAMED_MAX])
                more = "" if len(users) <= _NAMED_MAX else f" and {len(users) - _NAMED_MAX} more"
                raise conflict(f"{key.kind} {key.id} is used by {named}{more}")
            return [Change("delete", key)]

        await call.services.writer.write(call.account_id, decide)
        return Reply()

    def reply(self, saved: Saved) -> Reply:
        """One record as it is answered."""
        warnings = [{"field": it.field, "message": it.message} for it in saved.warnings]
        fields = {**shown_fields(saved.record), "warnings": warnings}
        answer = self._resource.answer.model_validate(fields)
        return Reply(answer, headers=etag(saved.record.version))

    async def _changed(self, call: Call, given: dict[str, Any], *, is_patch: bool = True) -> Reply:
        key = self.key(call)

        def wanted(configs: Configs) -> Checked:
            existing(configs, key, call.if_match)
            return checked(call, key, given, configs, is_patch=is_patch)

        return self.reply(await save(call, key, wanted))


async def save(call: Call, key: ConfigKey, wanted: Callable[[Configs], Checked]) -> Saved:
    """Keep what `wanted` says in the light of the newest configuration, under `key`."""
    warnings: tuple[Fault, ...] = ()

    def decide(configs: Configs) -> Iterable[Change]:
        nonlocal warnings
        found = wanted(configs)
        warnings = found.warnings
        record = sealed(call, found.record, configs.get(key))
        return plan_changes([record], configs, now=timestamp(call.now_ms)).changes

    written = await call.services.writer.write(key.account_id, decide)
    (change,) = written.changes
    kept = change.record or existing(call.services.view.configs, key, None)
    return Saved(kept, warnings)


def existing(configs: Configs, key: ConfigKey, version: int | None) -> Config:
    """The record; raises the problem when there is none, or when it is not of a given `version`."""
    record = configs.get(key)
    if record is None:
        raise not_found(f"{key.kind} {key.id[:63]}")
    if version is not None and record.version != version:
        raise stale(record.version)
    return record


def shown_fields(record: Config) -> dict[str, Any]:
    """The record as JSON values for an answer: masked, and without what is nobody's business."""
    if isinstance(record, Webhook | Source):
        fields = masked(record)
    else:
        fields = record.model_dump(mode="json")
    return {name: value for name, value in fields.items() if name not in {"kind", "token_hash"}}


def _is_wanted(record: Any, query: Any) -> bool:  # noqa: ANN401 - any kind, any kind's query
    """Whether a list has the record; a kind's query has the fields that make sense for it."""
    position, text = getattr(query, "position", None), (query.text or "").casefold()
    positions = getattr(record, "positions", None) or [getattr(record, "position", None)]
    texts = (record.id, record.name, record.description, getattr(record, "url", ""))
    return (
        query.enabled in (None, record.enabled)
        and (position is None or position in positions)
        and any(text in each.casefold() for each in texts)
    )


def _drawn_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_CHARACTERS))
