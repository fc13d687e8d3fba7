"""The notifier's consuming thread: failures and notices go to the event loop, completions back.

Before the first notice of a partition, what is known of it is read: what was told of its webhooks,
and which of its notices were sent though their offsets were not committed.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from confluent_kafka import Message, TopicPartition

from agents import metrics
from agents.kafka.group_consumer import RELEASE_S_MAX, GroupConsumer
from agents.kafka.groups import GROUP_TOPICS, NOTIFIERS
from agents.notifier.mailing import SEND_S_MAX
from agents.notifier.readback import Known, read_known
from pipeline.assignments import WINDOW_JOBS_MAX, Key, Place, Span
from pipeline.offsets import Position
from pipeline.settings import Settings
from schemas.topics import NOTICES

# So many messages are sent at once: a mail server takes no more from one client gladly.
SENDING_MAX: Final = 16
# The last of a full window waits for all others, each of which may take as long as it may.
_OPEN_S_MAX: Final = WINDOW_JOBS_MAX / SENDING_MAX * SEND_S_MAX

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A failure or a notice as bytes."""

    place: Place
    message: Message


class Receiver(Protocol):
    """The event loop's side; every method is called there."""

    def on_known(self, known: Known) -> None:
        """What is known of partitions, before any of their notices."""

    def on_records(self, records: list[Fetched]) -> None:
        """Failures and notices, in the order of each partition."""

    def on_revoked(self, epochs: frozenset[int], released: Callable[[], None]) -> None:
        """Begin nothing more for these assignments; call `released` when the rest has ended."""

    def on_gone(self, epochs: frozenset[int], partitions: frozenset[int]) -> None:
        """These assignments have ended; of `partitions` the notices are somebody else's."""


class NoticeConsumer(GroupConsumer):
    """The thread and what it shares with the loop: `complete` is all the loop calls."""

    open_s_max = _OPEN_S_MAX
    # A kill sends again what was sent since the last commit and is not on record: next to nothing.
    commit_every_s = 0.2

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        """Create the consumer; `start` joins the group."""
        super().__init__(settings, NOTIFIERS, GROUP_TOPICS[NOTIFIERS])
        self._loop = loop
        self._receiver: Receiver
        self._completed: deque[Place] = deque()
        self._untold: deque[Callable[[], None]] = deque()
        self._fetched: list[Fetched] = []

    def start(self, receiver: Receiver) -> None:
        """Join the group and start polling; records go to `receiver`."""
        self._receiver = receiver
        self.start_thread()

    def complete(self, place: Place) -> None:
        """A record is done with. For any thread."""
        self._completed.append(place)

    def take_in_all(self, messages: list[Message]) -> None:
        """Hand what came together to the loop as one list."""
        super().take_in_all(messages)
        if self._fetched:
            self._loop.call_soon_threadsafe(self._receiver.on_records, self._fetched)
            self._fetched = []

    def take_in(self, key: Key, message: Message) -> None:
        """Open a record."""
        size_bytes = len(message.value() or b"")
        place = self.assignments.handed_out(key, int(message.offset() or 0), size_bytes)
        if place is not None:
            self._fetched.append(Fetched(place, message))

    def after_turn(self) -> None:
        """Close what is completed."""
        while self._completed:
            self.assignments.completed(self._completed.popleft(), None)

    def may_resume(self, key: Key) -> bool:  # noqa: ARG002 - nothing else holds a partition back
        """Read on wherever there is something."""
        return True

    def prepare(self, partitions: list[TopicPartition]) -> dict[int, Span]:
        """Read what is known of the partitions' notices."""
        notices = [it for it in partitions if self.key_of(it)[0] == NOTICES]
        if notices:
            known = read_known(self.settings, notices)
            self._loop.call_soon_threadsafe(self._receiver.on_known, known)
        return {}

    def release(self, keys: list[Key]) -> None:
        """Let the loop drop what waits and finish what is being sent, for a bounded time."""
        epochs = self.assignments.epochs(keys)
        if epochs:
            released = threading.Event()
            self._tell(lambda: self._receiver.on_revoked(epochs, released.set))
            if not released.wait(RELEASE_S_MAX):
                _log.warning("partitions.left_in_flight", waited_s=RELEASE_S_MAX)
        self.lose(keys)
        self.after_turn()

    def lose(self, keys: list[Key]) -> None:
        """Let the loop forget what it knows of these partitions."""
        epochs = self.assignments.epochs(keys)
        numbers = frozenset(number for topic, number in keys if topic == NOTICES)
        if epochs:
            self._tell(lambda: self._receiver.on_gone(epochs, numbers))

    @property
    def is_certain(self) -> bool:
        """Whether we are a member, and the loop knows of all that we are giving up or have lost."""
        return not self._untold and super().is_certain

    def metadata(self, position: Position) -> str:  # noqa: ARG002 - the offset says it all
        """Keep nothing beside an offset."""
        return ""

    def _tell(self, news: Callable[[], None]) -> None:
        self._untold.append(news)
        self._loop.call_soon_threadsafe(self._hear)

    def _hear(self) -> None:
        """Run in the loop; until it has, `is_certain` keeps it from deciding without the news."""
        self._untold[0]()
        self._untold.popleft()


def count_window(consumer: NoticeConsumer) -> None:
    """Show how much is open."""
    metrics.NOTICES_OPEN.set_function(lambda: consumer.assignments.jobs)
