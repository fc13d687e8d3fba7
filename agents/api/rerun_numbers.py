"""The numbers that this process gave to reruns: the history, a moment behind, does not know all."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

# Far more than are rerun in the seconds that a recorder may be behind.
_REMEMBERED_MAX: Final = 10_000


class RerunNumbers:
    """The newest number by delivery."""

    def __init__(self) -> None:
        """None was given yet."""
        self._given: OrderedDict[tuple[int, str], int] = OrderedDict()

    def next(self, account_id: int, delivery_id: str, known: int) -> int:
        """The number after all that were given here or are `known` from elsewhere."""
        key = (account_id, delivery_id)
        number = max(known, self._given.pop(key, 0)) + 1
        self._given[key] = number
        if len(self._given) > _REMEMBERED_MAX:
            self._given.popitem(last=False)
        return number
