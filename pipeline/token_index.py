"""The sources of all accounts by the hashes of their tokens, which their addresses end in."""

from __future__ import annotations

from schemas.source import Source


class TokenIndex:
    """Sources; two have one token only where somebody copied a document, and the first counts."""

    def __init__(self) -> None:
        """Hold none."""
        self._by_hash: dict[str, dict[tuple[int, str], Source]] = {}

    def add(self, source: Source) -> None:
        """Take in a source; without a token nothing leads to it."""
        if source.token_hash is not None:
            same = self._by_hash.setdefault(source.token_hash, {})
            same[source.account_id, source.id] = source

    def remove(self, source: Source) -> None:
        """Take a source out."""
        if source.token_hash is not None:
            same = self._by_hash[source.token_hash]
            del same[source.account_id, source.id]
            if not same:
                del self._by_hash[source.token_hash]

    def find(self, token_hash: str) -> Source | None:
        """The source with this token; of several that of the first account and id."""
        same = self._by_hash.get(token_hash)
        return None if same is None else same[min(same)]
