"""Which notices are repeats: copies of one in hand, or of one that was dealt with not long ago.

What was dealt with is remembered up to a bound, beyond which a copy is one message more. What is in
hand is let go with its assignment: whoever reads it again must not take it for a copy.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, TypeAlias

from schemas.notice import Notice

# As many as are sent in the minutes within which copies of a notice come: some 10 MB.
REMEMBERED_MAX: Final = 50_000

# A notice's id and the number of its attempt.
Identity: TypeAlias = tuple[str, int]


def identity_of(notice: Notice) -> Identity:
    """What makes two records the same try."""
    return notice.notice_id, notice.attempt


class Repeats:
    """Which notices are copies: of one in hand, or of one that was dealt with not long ago."""

    def __init__(self, remembered_max: int = REMEMBERED_MAX) -> None:
        """Remember so many that were dealt with; the oldest are forgotten first."""
        self._remembered_max = remembered_max
        self._done: OrderedDict[Identity, None] = OrderedDict()
        self._in_hand: dict[Identity, int] = {}

    def admits(self, identity: Identity, epoch: int) -> bool:
        """Whether it is no copy; then it is in hand, under the assignment it was read in."""
        if identity in self._done or identity in self._in_hand:
            return False
        self._in_hand[identity] = epoch
        return True

    def done(self, identities: Iterable[Identity]) -> None:
        """These are dealt with."""
        for identity in identities:
            self._in_hand.pop(identity, None)
            self._done[identity] = None
            self._done.move_to_end(identity)
        while len(self._done) > self._remembered_max:
            self._done.popitem(last=False)

    def let_go(self, epochs: frozenset[int]) -> None:
        """Somebody else deals with what was in hand under these assignments."""
        gone = [identity for identity, epoch in self._in_hand.items() if epoch in epochs]
        for identity in gone:
            del self._in_hand[identity]
