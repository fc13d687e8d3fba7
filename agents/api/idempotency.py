"""`Idempotency-Key`: a POST that is sent again is answered again, and carried out once.

What was answered is kept in this process's memory for a day, so secrets that are shown once never
reach a disk. Only what succeeded is kept: anything else may be tried again with the same key.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from agents.api.problems import conflict, invalid, malformed
from schemas.codec import Fault

HEADER: Final = "Idempotency-Key"
KEPT_MS: Final = 24 * 60 * 60 * 1_000
# Ten thousand small answers; beyond either, the oldest are forgotten.
REPLIES_MAX: Final = 10_000
REPLY_BYTES_MAX: Final = 32 * 1024 * 1024

_FORM: Final = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class StoredReply:
    """An answer as it went out."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Entry:
    fingerprint: str
    at_ms: int
    reply: StoredReply | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """Which request of which client; `fingerprint` tells requests under one name apart."""

    key_id: str
    name: str
    fingerprint: str


def token_of(name: str | None, key_id: str, path: str, body: bytes) -> Token | None:
    """The token of a request whose header is `name`; raises the problem for another form."""
    if name is None:
        return None
    if not _FORM.fullmatch(name):
        fault = Fault(HEADER, "must be 1 to 200 printable characters without blanks")
        raise malformed("a header has a fault", fault)
    fingerprint = hashlib.sha256(path.encode() + b"\n" + body).hexdigest()
    return Token(key_id, name, fingerprint)


class ReplyMemory:
    """What was answered to which token, oldest first."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._bytes = 0

    def begin(self, token: Token, now_ms: int) -> StoredReply | None:
        """What was answered before; None when the request is to be carried out now.

        Raises the problem when it is being carried out, or another one had the same name.
        """
        self._forget_old(now_ms)
        entry = self._entries.get((token.key_id, token.name))
        if entry is None:
            self._entries[token.key_id, token.name] = _Entry(token.fingerprint, now_ms)
            return None
        if entry.fingerprint != token.fingerprint:
            raise invalid([Fault(HEADER, "was used for another request already")])
        if entry.reply is None:
            raise conflict("a request with this Idempotency-Key is being carried out")
        return entry.reply

    def finish(self, token: Token, reply: StoredReply) -> None:
        """Keep what was answered."""
        entry = self._entries.get((token.key_id, token.name))
        if entry is not None:
            entry.reply = reply
            self._bytes += len(reply.body)

    def forget(self, token: Token) -> None:
        """Let the request be tried again: it did not succeed."""
        self._remove((token.key_id, token.name))

    def _forget_old(self, now_ms: int) -> None:
        while self._entries:
            where, oldest = next(iter(self._entries.items()))
            is_old = now_ms - oldest.at_ms > KEPT_MS
            is_full = len(self._entries) >= REPLIES_MAX or self._bytes > REPLY_BYTES_MAX
            if not is_old and not is_full:
                return
            self._remove(where)

    def _remove(self, where: tuple[str, str]) -> None:
        entry = self._entries.pop(where, None)
        if entry is not None and entry.reply is not None:
            self._bytes -= len(entry.reply.body)
