"""Seal all secrets with the first key, whatever they are sealed with now, if at all.

Only records that need it are written, so an interrupted run goes on where it was, and a second one
has nothing to do. Records are written a few at a time and read back: whoever changed one of them in
that very moment was overwritten, so what they wrote is sealed and written again after ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from agents.configs.topic import ConfigTopic
from agents.configs.view import ConfigRecord
from agents.sealing.keys import new_nonce
from pipeline.configs import Configs
from pipeline.sealing import Keys, sealed_anew
from schemas.codec import Malformed, encode
from schemas.config import ConfigKey, key_of, read_config
from schemas.source import Source
from schemas.webhook import Webhook

# Few enough that another writer's change is overwritten for a moment only.
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """How the records are: sealed by the first key, to be sealed anew, or closed to all keys."""

    current: tuple[ConfigKey, ...]
    stale: tuple[ConfigKey, ...]
    unreadable: dict[ConfigKey, Malformed]


def examine(configs: Configs, keys: Keys) -> Finding:
    """Look at every webhook and source; those without secrets count as current."""
    current: list[ConfigKey] = []
    stale: list[ConfigKey] = []
    unreadable: dict[ConfigKey, Malformed] = {}
    for record in configs:
        if not isinstance(record, Webhook | Source):
            continue
        key = key_of(record)
        try:
            is_current = sealed_anew(record, keys, new_nonce) is record
        except Malformed as malformed:
            unreadable[key] = malformed
        else:
            (current if is_current else stale).append(key)
    return Finding(tuple(current), tuple(stale), unreadable)


def rotate(
    topic: ConfigTopic, keys: Keys, stale: Iterable[ConfigKey], on_done: Callable[[int], None]
) -> None:
    """Seal the `stale` anew, as they are when it is their turn; all agents know when it returns.

    `on_done` is told of progress, by the number of records. Raises `OperationError`.
    """
    left = iter(stale)
    while batch := tuple(islice(left, _BATCH)):
        topic.catch_up()
        written = dict(_anew(topic.configs, keys, batch))
        while written:
            topic.write(written.items())
            written = dict(overwritten(written, topic.catch_up(), keys))
        on_done(len(batch))
    topic.wait_until_effective()


def overwritten(
    written: Mapping[bytes, bytes | None], came: Iterable[ConfigRecord], keys: Keys
) -> Iterator[tuple[bytes, bytes | None]]:
    """What others wrote just before we did, to be written again: it was not ours to undo.

    `came` is what the topic got since we looked, in its order. What they wrote after us stands.
    """
    theirs: dict[bytes, bytes | None] = {}
    for record in came:
        if record.key is None or record.key not in written:
            continue
        if record.value != written[record.key]:
            theirs[record.key] = record.value
        elif record.key in theirs:
            yield record.key, _sealed_value(record.key, theirs[record.key], keys)


def _anew(
    configs: Configs, keys: Keys, batch: Iterable[ConfigKey]
) -> Iterator[tuple[bytes, bytes | None]]:
    for key in batch:
        record = configs.get(key)
        if isinstance(record, Webhook | Source):
            with suppress(Malformed):
                anew = sealed_anew(record, keys, new_nonce)
                if anew is not record:
                    yield str(key).encode(), encode(anew)


def _sealed_value(key: bytes, value: bytes | None, keys: Keys) -> bytes | None:
    """A record's value with its secrets sealed, if that can be; an empty one is a deletion."""
    if value:
        with suppress(Malformed):
            record = read_config(key, value)
            if isinstance(record, Webhook | Source):
                return encode(sealed_anew(record, keys, new_nonce))
    return value
