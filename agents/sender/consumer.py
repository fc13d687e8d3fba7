"""The sender's consuming thread: jobs go to the event loop as lists, completions come back.

They come through a deque, each with the assignment it belongs to, so that one which is too late is
ignored. Before a partition's first job, its attempts are read back; while too much is open, reading
stands still.
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
from agents.kafka.groups import SENDERS
from agents.kafka.retention import logs_of
from agents.sender.following import Follower
from agents.sender.readback import floor_of, metadata_of, read_back
from pipeline.assignments import Key, Place, Span
from pipeline.endpoints import QUEUE_MAX, WAIT_MS_MAX
from pipeline.offsets import Position
from pipeline.sending import CONFIG_WAIT_MS_MAX
from pipeline.settings import Settings
from pipeline.suppression import Noted
from schemas.job import Lane
from schemas.topics import JOBS, JOBS_REPLAY, JOBS_RETRY
from schemas.webhook import TIMEOUT_S_MAX

# A job rightly waits for its configuration, then for its endpoint, and for an answer.
_OPEN_S_MAX: Final = (CONFIG_WAIT_MS_MAX + WAIT_MS_MAX) / 1_000 + TIMEOUT_S_MAX

LANES: Final[dict[str, Lane]] = {JOBS: "new", JOBS_RETRY: "retry", JOBS_REPLAY: "replay"}

# While retries and replays give way, so many may be open: seconds of work at the rate they are
# held to, and no more than one endpoint's queue takes. More would fill what first attempts need.
_YIELDING: Final = frozenset({JOBS_RETRY, JOBS_REPLAY})
_YIELDING_JOBS_MAX: Final = QUEUE_MAX // 2
_YIELDING_JOBS_ENOUGH: Final = _YIELDING_JOBS_MAX // 2

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A job as bytes."""

    place: Place
    message: Message


class Receiver(Protocol):
    """The event loop's side; every method is called there."""

    def on_read_back(self, noted: tuple[Noted, ...]) -> None:
        """Attempts found on record: before any job of new partitions, and for a while after."""

    def on_jobs(self, jobs: list[Fetched]) -> None:
        """Jobs, in the order of each partition."""

    def on_revoked(self, epochs: frozenset[int], released: Callable[[], None]) -> None:
        """Begin nothing more for these assignments; call `released` when the rest has ended."""

    def on_lost(self, epochs: frozenset[int]) -> None:
        """These assignments have ended, whatever is still in flight."""

    @property
    def is_yielding(self) -> bool:
        """Whether retries and replays are held to a rate; asked in the consumer's thread."""


class JobConsumer(GroupConsumer):
    """The thread and what it shares with the loop: `complete` is all the loop calls."""

    open_s_max = _OPEN_S_MAX

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        """Create the consumer; `start` joins the group."""
        super().__init__(settings, SENDERS, LANES)
        self._loop = loop
        self._receiver: Receiver
        self._follower: Follower
        self._completed: deque[tuple[Place, int | None]] = deque()
        self._untold: deque[Callable[[], None]] = deque()
        self._fetched: list[Fetched] = []
        self._holds_back = False

    def start(self, receiver: Receiver) -> None:
        """Join the group and start polling; jobs go to `receiver`."""
        self._receiver = receiver
        self._follower = Follower(self.settings, self._loop, receiver.on_read_back)
        self.start_thread()

    def stop(self) -> None:
        """Leave the group, and follow nothing more."""
        super().stop()
        self._follower.close()

    def complete(self, place: Place, attempt_offset: int | None) -> None:
        """A job is done with; `attempt_offset` is where its attempt was recorded, if it was."""
        self._completed.append((place, attempt_offset))

    def take_in_all(self, messages: list[Message]) -> None:
        """Hand what came together to the loop as one list."""
        super().take_in_all(messages)
        if self._fetched:
            self._loop.call_soon_threadsafe(self._receiver.on_jobs, self._fetched)
            self._fetched = []

    def take_in(self, key: Key, message: Message) -> None:
        """Open a job."""
        size_bytes = len(message.value() or b"")
        place = self.assignments.handed_out(key, int(message.offset() or 0), size_bytes)
        if place is not None:
            self._fetched.append(Fetched(place, message))

    def after_turn(self) -> None:
        """Close what is completed, and see whether retries and replays are to be read on."""
        self._apply_completions()
        least = _YIELDING_JOBS_ENOUGH if self._holds_back else _YIELDING_JOBS_MAX
        holds_back = self._receiver.is_yielding and self.assignments.jobs_of(_YIELDING) >= least
        if holds_back != self._holds_back:
            self._holds_back = holds_back
            places = [self.place_of(key) for key in self.assignments.keys if key[0] in _YIELDING]
            if holds_back:
                self.consumer.pause(places)
            elif not self.is_standing_still:
                self.consumer.resume(places)

    def may_resume(self, key: Key) -> bool:
        """Read on wherever there is something, but for lanes that have enough to go on with."""
        return not (self._holds_back and key[0] in _YIELDING)

    def prepare(self, partitions: list[TopicPartition]) -> dict[int, Span]:
        """Read back what is on record of the partitions' jobs."""
        logs = logs_of(self.consumer, partitions, self.key_of)

        def has_more(place: TopicPartition) -> bool:
            return place.offset < logs[self.key_of(place)].end

        found = read_back(self.settings, floors(partitions, has_more))
        self._loop.call_soon_threadsafe(self._receiver.on_read_back, found.noted)
        self._follower.follow(found.spans)
        return found.spans

    def release(self, keys: list[Key]) -> None:
        """Let the loop drop what waits and finish what is in flight, for a bounded time."""
        epochs = self.assignments.epochs(keys)
        if epochs:
            released = threading.Event()
            self._tell(lambda: self._receiver.on_revoked(epochs, released.set))
            if not released.wait(RELEASE_S_MAX):
                _log.warning("partitions.left_in_flight", waited_s=RELEASE_S_MAX)
        self.lose(keys)
        self._apply_completions()

    def lose(self, keys: list[Key]) -> None:
        """Let what is in flight be recorded as late."""
        epochs = self.assignments.epochs(keys)
        if epochs:
            self._tell(lambda: self._receiver.on_lost(epochs))

    @property
    def is_certain(self) -> bool:
        """Whether we are a member, and the loop knows of all that we are giving up or have lost."""
        return not self._untold and super().is_certain

    def _tell(self, news: Callable[[], None]) -> None:
        self._untold.append(news)
        self._loop.call_soon_threadsafe(self._hear)

    def _hear(self) -> None:
        """Run in the loop; until it has, `is_certain` keeps it from deciding without the news."""
        self._untold[0]()
        self._untold.popleft()

    def metadata(self, position: Position) -> str:
        """Keep the floor, from which the next owner reads the attempts back."""
        return metadata_of(position.floor)

    def _apply_completions(self) -> None:
        while self._completed:
            self.assignments.completed(*self._completed.popleft())
        metrics.WINDOW_JOBS.set(self.assignments.jobs)
        metrics.WINDOW_BYTES.set(self.assignments.size_bytes)


def floors(
    committed: list[TopicPartition], has_more: Callable[[TopicPartition], bool]
) -> dict[int, int | None]:
    """Where to begin reading each partition's attempts: the lowest floor that a lane needs.

    A lane that committed nothing had nothing handed out a second before the others committed, so
    their floor is low enough for it too. A lane that committed all it holds needs none: its own may
    be weeks old, and to read on from there would take minutes.
    """
    by_partition: dict[int, list[tuple[int, TopicPartition]]] = {}
    for place in committed:
        known = by_partition.setdefault(place.partition, [])
        floor = floor_of(place.metadata) if place.offset >= 0 else None
        if floor is not None:
            known.append((floor, place))
    return {partition: _lowest(known, has_more) for partition, known in by_partition.items()}


def _lowest(
    known: list[tuple[int, TopicPartition]], has_more: Callable[[TopicPartition], bool]
) -> int | None:
    highest = max((floor for floor, _ in known), default=None)
    needed = (
        floor
        for floor, place in sorted(known, key=lambda each: each[0])
        if floor == highest or has_more(place)
    )
    return next(needed, None)
