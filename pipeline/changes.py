"""What has to be written so that the configuration becomes what a document says.

Each record of the document replaces the one under its key as a whole: a field left out takes its
default. Records that the document does not mention stay, unless pruning was asked for, and then
only those of the accounts it names are deleted. Applying the same document again changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from pipeline.configs import Configs
from schemas.account import Account
from schemas.codec import encode
from schemas.config import Config, ConfigKey, key_of
from schemas.key import Key
from schemas.replay import Replay
from schemas.rerun import Rerun
from schemas.secret import SEALED
from schemas.source import Source

Action: TypeAlias = Literal["create", "update", "delete", "unchanged"]

# A value longer than this is recognised by its beginning.
SHOWN_CHARACTERS_MAX: Final = 200

# Set by whoever writes a record, never by the document.
BOOKKEEPING: Final = frozenset({"kind", "version", "created_at", "updated_at"})
_IDENTITY: Final = frozenset({"id", "account_id"})

# Whole values of headers: an API key may stand in any of them.
_SECRET: Final = re.compile(
    r"basic_auth\.password|signing\.secrets\[\d+\]|headers\[\d+\]\.value|token_hash|secret_hash"
    r"|verification\.(?:password|secrets\[\d+\])"
)
# As JSON text.
_SEALED: Final = f'"{SEALED}'
_EMPTY: Final = '""'
_SIGNS: Final = {"create": "+", "update": "~", "delete": "-"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field's value before and after, as JSON text with secrets masked; None when absent."""

    field: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """`field: before -> after`, or `field: after` for a field that was not there."""
        if self.before is None:
            return f"{self.field}: {self.after}"
        return f"{self.field}: {self.before} -> {'(none)' if self.after is None else self.after}"


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one record. `record` is the one to write, None when there is none."""

    action: Action
    key: ConfigKey
    record: Config | None = None
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes in the document's order, deletions last, and what was left although unlisted."""

    changes: tuple[Change, ...]
    unlisted: tuple[ConfigKey, ...] = ()

    def count(self, action: Action) -> int:
        """How many records the action happens to."""
        return sum(change.action == action for change in self.changes)

    def writes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Key and value of each record to write; a value of None is a tombstone."""
        for change in self.changes:
            if change.action != "unchanged":
                value = None if change.record is None else encode(change.record)
                yield str(change.key).encode(), value

    def lines(self) -> Iterator[str]:
        """The changes for a person: a line for each record, an indented one for each field."""
        for change in self.changes:
            if change.action != "unchanged":
                owner = f"{change.key.account_id}/{change.key.id}"
                name = change.key.id if change.key.kind == "account" else owner
                yield f"{_SIGNS[change.action]} {change.key.kind} {name}"
                yield from (f"    {field}" for field in change.fields)


def plan_changes(
    wanted: Iterable[Config], configs: Configs, *, now: str, prune: bool = False
) -> Plan:
    """What makes `configs` hold the `wanted` records. `now` is RFC 3339, for the time stamps."""
    wanted = tuple(wanted)
    changes = [_change(record, configs.get(key_of(record)), now) for record in wanted]
    named = {record.id for record in wanted if isinstance(record, Account)}
    listed = {change.key for change in changes}
    others = sorted(
        (key_of(record) for record in configs if _is_prunable(record, named)),
        key=lambda key: (key.account_id, key.kind, key.id),
    )
    unlisted = tuple(key for key in others if key not in listed)
    if not prune:
        return Plan(tuple(changes), unlisted)
    return Plan((*changes, *(Change("delete", key) for key in unlisted)))


def _is_prunable(record: Config, accounts: set[int]) -> bool:
    """Keys, reruns and replays are not part of a document, so none is missing from it."""
    if isinstance(record, Account | Key | Rerun | Replay):
        return False
    return record.account_id in accounts


def _change(wanted: Config, current: Config | None, now: str) -> Change:
    key = key_of(wanted)
    if current is None:
        record = _stamped(wanted, version=1, created_at=now, updated_at=now)
        return Change("create", key, record, _differences({}, _leaves(wanted, brief=True)))
    if isinstance(wanted, Source) and isinstance(current, Source) and wanted.token_hash is None:
        # The token is ours to make and never in a document: an endpoint's address must not break.
        wanted = wanted.model_copy(update={"token_hash": current.token_hash})
    fields = _differences(_leaves(current), _leaves(wanted))
    if not fields:
        return Change("unchanged", key)
    version = current.version + 1
    created_at = current.created_at
    record = _stamped(wanted, version=version, created_at=created_at, updated_at=now)
    return Change("update", key, record, fields)


def _stamped(record: Config, **stamps: object) -> Config:
    return record.model_copy(update=stamps)


def _leaves(record: Config, *, brief: bool = False) -> dict[str, str]:
    """Field path to JSON text; `brief` leaves out what is as by default."""
    fields = record.model_dump(exclude=set(BOOKKEEPING | _IDENTITY), exclude_defaults=brief)
    return dict(_walk("", fields))


def _walk(path: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any field
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _walk(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list | tuple) and value:
        for index, inner in enumerate(value):
            yield from _walk(f"{path}[{index}]", inner)
    elif isinstance(value, float) and value.is_integer():
        yield path, str(int(value))  # 10 and 10.0 are one setting, however they were written
    elif value is not None:
        yield path, json.dumps(value, ensure_ascii=False)


def _differences(before: dict[str, str], after: dict[str, str]) -> tuple[FieldChange, ...]:
    names = dict.fromkeys((*before, *after))
    return tuple(
        _field_change(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def _field_change(name: str, before: str | None, after: str | None) -> FieldChange:
    if _SECRET.fullmatch(name):
        return FieldChange(name, before and "(secret)", after and _masked(before, after))
    return FieldChange(name, _cut(before), _cut(after))


def _masked(before: str | None, after: str) -> str:
    if before is None:
        return "(secret)"
    was_plain = before != _EMPTY and not before.startswith(_SEALED)
    return "(encrypted now)" if was_plain and after.startswith(_SEALED) else "(another secret)"


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= SHOWN_CHARACTERS_MAX:
        return text
    return f"{text[:SHOWN_CHARACTERS_MAX]}…"
