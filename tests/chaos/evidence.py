"""What the topics say after, and during, a run: attempts, final failures, dead letters, copies.

Read over a listener that no fault touches, by consumers without a group.
"""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import Consumer, Message, TopicPartition

from schemas.attempt import Attempt
from schemas.codec import decode
from schemas.failure import Failure
from schemas.ids import delivery_id
from schemas.topics import ATTEMPTS, DEAD_LETTERS, FAILURE_TRIGGERS, JOBS, JOBS_RETRY
from tests.chaos.arrivals import Receiver
from tests.chaos.ledger import Books
from tests.chaos.repeats import Incident, Recorded
from tests.chaos.upstream import Upstream
from tests.support.builders import ACCOUNT_ID

CLIENT: Final[dict[str, Any]] = {
    "group.id": "books",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "log_level": 0,
    "reconnect.backoff.max.ms": 500,
    "queued.max.messages.kbytes": 16_384,
}
_BROKER_S: Final = 20
_BATCH: Final = 2_000
_LOOK_S: Final = 0.25
_PROGRESS_S: Final = 10.0


class Tail:
    """Everything on a topic from its beginning, as it comes."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._consumer = Consumer({**CLIENT, "bootstrap.servers": bootstrap_servers})
        partitions = self._consumer.list_topics(topic, timeout=_BROKER_S).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, number, 0) for number in partitions])

    def new(self, timeout_s: float = 0.05) -> list[Message]:
        """What has come since; empty also while the broker is away."""
        return [it for it in self._consumer.consume(_BATCH, timeout_s) if it.error() is None]

    def rest(self) -> Iterator[Message]:
        """All up to the end as it is now."""
        ends = {
            place.partition: self._consumer.get_watermark_offsets(place, timeout=_BROKER_S)[1]
            for place in self._consumer.assignment()
        }
        while any(
            ends[place.partition] > max(place.offset, 0)
            for place in self._consumer.position(self._consumer.assignment())
        ):
            yield from self.new(0.2)

    def close(self) -> None:
        self._consumer.close()


class Attempts:
    """The attempts on record, followed as they are written."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._tail = Tail(bootstrap_servers, topic)
        self.records: list[Recorded] = []
        self.ended: set[str] = set()

    def read(self) -> None:
        """Take in what has come; at some rates there is always more, which is for the next time."""
        while len(came := self._tail.new()) == _BATCH:
            self._take(came)
        self._take(came)

    def finish(self) -> None:
        """Read to the end, and no more."""
        for message in self._tail.rest():
            self._take([message])
        self._tail.close()

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            record = recorded(message)
            self.records.append(record)
            if record.step == "end":
                self.ended.add(record.delivery_id)


def recorded(message: Message) -> Recorded:
    """What the books need of an attempt's record."""
    attempt = decode(Attempt, message.value() or b"")
    headers = dict(attempt.request.headers) if attempt.request is not None else {}
    stamp = headers.get("webhook-timestamp")
    return Recorded(
        attempt.delivery_id,
        attempt.attempt,
        message.timestamp()[1] / 1_000,
        None if stamp is None else int(stamp),
        attempt.outcome,
        attempt.reason,
        attempt.next.step,
        int(message.partition() or 0),
        attempt.webhook_id,
    )


class Run:
    """One run's witnesses: upstream, receiver and topics, and what they tell together."""

    def __init__(
        self, bootstrap_servers: str, prefix: str, upstream: Upstream, receiver: Receiver
    ) -> None:
        """The topics must be there; `bootstrap_servers` is where no fault is."""
        self.upstream = upstream
        self.receiver = receiver
        self.attempts = Attempts(bootstrap_servers, f"{prefix}{ATTEMPTS}")
        self._bootstrap_servers = bootstrap_servers
        self._prefix = prefix

    def read(self) -> None:
        """Take in what has come; call it now and then during a run, so that less is left."""
        self.receiver.read()
        self.attempts.read()

    def wait_quiet(
        self,
        timeout_s: float,
        *,
        say: Callable[[str], object] = print,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> bool:
        """Wait until all that is owed has ended on record, for a bounded time; whether it has."""
        owed = self.upstream.owed().keys()
        said_s = time.monotonic()
        deadline_s = said_s + timeout_s
        while time.monotonic() < deadline_s:
            meanwhile()
            self.read()
            if owed <= self.attempts.ended:
                return True
            if time.monotonic() - said_s >= _PROGRESS_S:
                said_s = time.monotonic()
                left = len(owed - self.attempts.ended)
                say(f"waiting for quiet: {left} of {len(owed)} deliveries have not ended")
            time.sleep(_LOOK_S)
        return False

    def books(self, incidents: Sequence[Incident]) -> Books:
        """All that the run left behind; to be asked once, when the agents have ended."""
        self.attempts.finish()
        self.receiver.read()  # last: an answer is on paper before anything is recorded of it
        failures = (decode(Failure, value) for value in self._values(FAILURE_TRIGGERS))
        possible = self.upstream.possible()
        return Books(
            owed=self.upstream.owed(),
            possible=possible,
            requests=self.receiver.requests,
            answers=self.receiver.answers,
            records=self.attempts.records,
            finals=Counter(it.job.delivery_id for it in failures if it.stage == "final"),
            dead=_dead(self._values(DEAD_LETTERS), possible),
            incidents=incidents,
            events=len(self.upstream.acknowledged),
            published=len(self.upstream.published),
            load_s=(self.upstream.began_s, self.upstream.ended_s),
            job_copies=_copies(it for name in (JOBS, JOBS_RETRY) for it in self._values(name)),
        )

    def _values(self, name: str) -> Iterator[bytes]:
        tail = Tail(self._bootstrap_servers, f"{self._prefix}{name}")
        for message in tail.rest():
            yield message.value() or b""
        tail.close()


def _copies(values: Iterator[bytes]) -> int:
    jobs: Counter[tuple[str, int, int, int]] = Counter()
    for value in values:
        job = json.loads(value)
        place = (job.get("attempt", 1), job.get("deferrals", 0), job.get("faults", 0))
        jobs[job["delivery_id"], *place] += 1
    return sum(jobs.values()) - len(jobs)


def _dead(values: Iterator[bytes], possible: Mapping[str, str]) -> dict[str, str]:
    """By delivery, why its job, or the event that would have become it, is a dead letter."""
    found: dict[str, str] = {}
    for value in values:
        letter = json.loads(value)
        why = "; ".join(fault["message"] for fault in letter["faults"])[:200]
        record = json.loads(base64.b64decode(letter["value"] or ""))
        if "delivery_id" in record:
            found[record["delivery_id"]] = why
            continue
        for webhook_id in set(possible.values()):
            lost = delivery_id(record["event_id"], webhook_id, ACCOUNT_ID)
            if lost in possible:
                found[lost] = why
    return found
