"""The records on the configs topic: their keys `account/kind/id`, and which record each kind is.

The value is the record itself; an empty value (a tombstone) deletes it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from schemas.account import Account
from schemas.codec import Fault, Malformed, decode
from schemas.key import ADMIN_ACCOUNT, Key
from schemas.replay import Replay
from schemas.rerun import Rerun
from schemas.source import Source
from schemas.trigger import Trigger
from schemas.webhook import Webhook

Config: TypeAlias = Account | Webhook | Trigger | Source | Key | Rerun | Replay

CONFIG_KINDS: Final[dict[str, type[Config]]] = {
    "account": Account,
    "webhook": Webhook,
    "trigger": Trigger,
    "source": Source,
    "key": Key,
    "rerun": Rerun,
    "replay": Replay,
}

# One spelling for each record: `025/webhook/crm` would be another key on a compacted topic.
# Only keys of the API may belong to no account, which is written as 0.
_KEY: Final = re.compile(r"([1-9][0-9]{0,18}|0(?=/key/))/([a-z]+)/([a-z0-9][a-z0-9_-]{0,62})")


class ConfigKey(NamedTuple):
    """Whose record, of which kind, with which id."""

    account_id: int
    kind: str
    id: str

    def __str__(self) -> str:
        """The key as it stands on the topic."""
        return f"{self.account_id}/{self.kind}/{self.id}"


def key_of(config: Config) -> ConfigKey:
    """The key under which a record is kept; an account's own is `25/account/25`."""
    owner = config.id if isinstance(config, Account) else config.account_id
    return ConfigKey(ADMIN_ACCOUNT if owner is None else owner, config.kind, str(config.id))


def read_key(key: bytes | None) -> ConfigKey:
    """The key of a record on the topic; raises `Malformed`."""
    found = _KEY.fullmatch((key or b"").decode(errors="replace"))
    if found is None or found[2] not in CONFIG_KINDS:
        raise Malformed((Fault("key", f"must be account/kind/id, not {(key or b'')[:100]!r}"),))
    return ConfigKey(int(found[1]), found[2], found[3])


def read_config(key: bytes | None, value: bytes) -> Config:
    """The record behind a key; raises `Malformed`, also when the two do not agree."""
    where = read_key(key)
    config = decode(CONFIG_KINDS[where.kind], value)
    if key_of(config) != where:
        raise Malformed((Fault("key", f"{where} holds the record of {key_of(config)}"),))
    return config
