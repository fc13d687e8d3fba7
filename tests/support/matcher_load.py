"""Events published at a rate, and the jobs that came of them, counted by event and webhook."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from schemas.topics import JOBS
from tests.support.matchers import Installation, owed_webhooks

Pair = tuple[str, str]  # an event and a webhook it is owed to


class Jobs:
    """The jobs that have come, by event and webhook."""

    def __init__(self, installation: Installation) -> None:
        self._reader = installation.reader(JOBS)
        self.seen: Counter[Pair] = Counter()

    @property
    def repeated(self) -> int:
        return sum(self.seen.values()) - len(self.seen)

    def poll(self) -> int:
        """Count what has come since; how much it was."""
        came = [json.loads(it.value()) for it in self._reader.poll()]
        self._reader.messages.clear()
        self.seen.update((job["event"]["event_id"], job["webhook_id"]) for job in came)
        return len(came)

    def wait_for(self, count: int, timeout_s: float) -> None:
        """Read until `count` different jobs have come, or for `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        while len(self.seen) < count and time.monotonic() < deadline_s:
            self.poll()

    def close(self) -> None:
        self._reader.close()


def owed(event_ids: Iterable[str], fan_out: int) -> set[Pair]:
    """The jobs that these events ask for."""
    webhooks = owed_webhooks(fan_out)
    return {(event_id, webhook) for event_id in event_ids for webhook in webhooks}


class Load:
    """Publishes at a rate from a thread, and reads the jobs in another."""

    def __init__(self, installation: Installation, rate: int, fan_out: int) -> None:
        self._installation = installation
        self._rate = rate
        self._fan_out = fan_out
        self._stop = threading.Event()
        self._jobs = Jobs(installation)
        self.acknowledged: set[str] = set()
        self.longest_gap_s = 0.0
        self._threads = [threading.Thread(target=it) for it in (self._publish, self._read)]
        self._reading = True
        for thread in self._threads:
            thread.start()

    def stop_publishing(self) -> None:
        self._stop.set()
        self._threads[0].join()
        self._installation.producer.flush(120)

    def stop_reading(self) -> None:
        self._reading = False
        self._threads[1].join()

    @property
    def owed(self) -> set[Pair]:
        return owed(self.acknowledged, self._fan_out)

    @property
    def missing(self) -> set[Pair]:
        return self.owed - self._jobs.seen.keys()

    @property
    def repeated(self) -> int:
        return self._jobs.repeated

    def _publish(self) -> None:
        begin_s, number = time.monotonic(), 0
        while not self._stop.is_set():
            while number < (time.monotonic() - begin_s) * self._rate:
                self._publish_one(f"c{number}")
                number += 1
            self._installation.producer.poll(0)
            time.sleep(0.002)

    def _publish_one(self, event_id: str) -> None:
        def on_delivery(error: object, _: Any) -> None:
            if error is None:
                self.acknowledged.add(event_id)

        fields = {"event_id": event_id, "account_id": 25, "phase": "end"}
        value = json.dumps({**fields, "activity": {"id": event_id}}).encode()
        self._installation.producer.produce(
            self._installation.topic("activities"),
            value,
            event_id.encode(),
            on_delivery=on_delivery,
        )

    def _read(self) -> None:
        last_s: float | None = None
        while self._reading:
            came = self._jobs.poll()
            now_s = time.monotonic()
            if came and last_s is not None and not self._stop.is_set():
                self.longest_gap_s = max(self.longest_gap_s, now_s - last_s)
            last_s = now_s if came else last_s
        self._jobs.close()
