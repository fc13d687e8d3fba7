"""Whether this process is still a member of its group, as far as it can know.

A process that was frozen (SIGSTOP, a suspended machine) wakes up believing what it believed before,
while its partitions may be somebody else's. So a pulse notices every freeze, and from then on the
membership is in doubt until the broker has answered a commit that was sent afterwards: commits
carry the member's epoch, and those of a former member are refused. A commit that stays unanswered
casts the same doubt, for whoever cannot reach the broker is soon no member either.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from confluent_kafka import KafkaError

# Sessions last two seconds at least, and the last heartbeat may be half a second old.
FROZEN_S: Final = 1.0
# A commit is sent each second while something is open; a broker answers within milliseconds.
UNANSWERED_S: Final = 1.5
# librdkafka holds commits back for 45 s without a coordinator and gives a request 60 s: an answer
# that is not there after both will never be.
_LOST_ANSWER_S: Final = 120.0
_PULSE_S: Final = 0.25

# What a KIP-848 group answers to former members. A stale epoch is no such answer: the member has
# only not heard of its new epoch yet, and is to ask again after its next heartbeat.
_FENCED: Final = frozenset(
    {
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.FENCED_INSTANCE_ID,
    }
)

_log = structlog.get_logger()


def _now_s() -> float:
    """Seconds that also pass while the machine sleeps, where there is such a clock (Linux)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class _Asked:
    at_s: float
    freezes: int
    epochs: frozenset[int]


class Membership:
    """`is_certain` may be asked in any thread; the rest is for the consuming thread."""

    def __init__(self, clock: Callable[[], float] = _now_s) -> None:
        """Begin without doubt: nothing is held that could be somebody else's."""
        self._clock = clock
        self._beat_at_s = clock()
        self._freezes = self._proven = 0
        self._asked: deque[_Asked] = deque()  # brokers answer in the order they are asked
        # Since when answers are heard; None while the consuming thread is in a callback.
        self._hears_since_s: float | None = clock()

    def start(self) -> None:
        """Begin to feel the pulse, in a thread that does nothing else."""
        threading.Thread(target=self._pulse, name="pulse", daemon=True).start()

    @property
    def is_certain(self) -> bool:
        """Whether nothing speaks against our being a member."""
        now_s = self._clock()
        # Whoever asks may be awake before the pulse is.
        is_awake = now_s - self._beat_at_s <= FROZEN_S
        return is_awake and not self.needs_proof and not self._is_unanswered(now_s)

    @property
    def needs_proof(self) -> bool:
        """Whether the process was frozen and the broker has not confirmed us since."""
        return self._proven != self._freezes

    @property
    def may_ask(self) -> bool:
        """Whether each commit was answered, so that the next need not wait behind others."""
        if self._asked and self._clock() - self._asked[-1].at_s > _LOST_ANSWER_S:
            self._asked.clear()
        return not self._asked

    def beat(self) -> None:
        """Notice whether the process has run since the last beat."""
        now_s = self._clock()
        if now_s - self._beat_at_s > FROZEN_S:
            self._freezes += 1
            _log.warning("process.was_frozen", seconds=round(now_s - self._beat_at_s, 1))
        self._beat_at_s = now_s

    def asked(self, epochs: frozenset[int]) -> None:
        """A commit is about to be sent while these assignments are held."""
        self._asked.append(_Asked(self._clock(), self._freezes, epochs))

    def answered(self, error: KafkaError | None) -> frozenset[int]:
        """A commit was answered; the assignments that have ended by what the answer says."""
        if not self._asked:
            return frozenset()
        asked = self._asked.popleft()
        if error is None:
            self._proven = max(self._proven, asked.freezes)
        elif error.code() in _FENCED:
            return asked.epochs
        return frozenset()

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """While this lasts no answer can be heard, so its absence says nothing."""
        self._hears_since_s = None
        try:
            yield
        finally:
            self._hears_since_s = self._clock()

    def holds_nothing(self) -> None:
        """No partition is held, so none can be somebody else's."""
        self._proven = self._freezes

    def _is_unanswered(self, now_s: float) -> bool:
        asked, hears_since_s = self._asked, self._hears_since_s
        try:
            asked_at_s = asked[0].at_s
        except IndexError:  # nothing is asked, or its answer came this moment in another thread
            return False
        return hears_since_s is not None and now_s - max(asked_at_s, hears_since_s) > UNANSWERED_S

    def _pulse(self) -> None:
        while True:
            time.sleep(_PULSE_S)
            self.beat()
