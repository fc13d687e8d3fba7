"""An installation of its own for matcher tests: prefixed topics, worker processes, counted jobs.

Everything goes over the real broker, and workers are real processes, so that they can be killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from schemas.account import Account
from schemas.codec import encode
from schemas.config import Config, key_of
from schemas.event import EVENT_BYTES_MAX
from schemas.topics import ACTIVITIES, CONFIGS, DEAD_LETTERS, JOBS, Topic, topics
from tests.support.builders import a_webhook, an_account
from tests.support.topic_reader import TopicReader
from tests.support.waiting import eventually

ACCOUNT_ID = 25
START_S = 45  # a worker's start on a machine that does other things too


def owed_webhooks(fan_out: int) -> list[str]:
    """The webhooks to which each event is owed in an installation filled like this."""
    return ["crm", *(f"crm{number}" for number in range(1, fan_out))]


# Brokers killed on purpose are no news, and soon back.
QUIET: dict[str, Any] = {"log_level": 0, "reconnect.backoff.max.ms": 200}


@cache
def admin_of(bootstrap: str) -> AdminClient:
    """Kept for the whole run: a client that its own thread collects as garbage aborts Python."""
    return AdminClient({"bootstrap.servers": bootstrap, **QUIET})


@dataclass
class Worker:
    """A matcher process and where it serves its health."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def port(self) -> int | None:
        for line in self.log.read_text(errors="replace").splitlines():
            if '"health.serving"' in line:
                return int(json.loads(line)["port"])
        return None

    def conditions(self) -> dict[str, bool]:
        """What /ready says; empty while it says nothing."""
        if self.port is None:
            return {}
        url = f"http://127.0.0.1:{self.port}/ready"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return dict(json.load(answer)["conditions"])
        except urllib.error.HTTPError as error:
            return dict(json.load(error)["conditions"])
        except OSError:
            return {}

    @property
    def ready(self) -> bool:
        conditions = self.conditions()
        return bool(conditions) and all(conditions.values())

    def wait_ready(self, timeout_s: float = START_S) -> None:
        eventually(lambda: self.ready or not self.alive, timeout_s)
        assert self.alive, self.log.read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """SIGSTOP: it stands still, and knows of nothing that happens meanwhile."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on as if nothing had been."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self, timeout_s: float = 20) -> int:
        """SIGTERM; its exit code."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@dataclass
class Installation:
    """Topics under a prefix of their own, and the workers that read them."""

    bootstrap: str
    directory: Path
    prefix: str = field(default_factory=lambda: f"t{uuid4().hex[:8]}-")
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.admin = admin_of(self.bootstrap)
        self.producer = Producer(
            {
                **self.client,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 0,
                "queue.buffering.max.messages": 1_000_000,
                "message.max.bytes": EVENT_BYTES_MAX * 2,
            }
        )

    @property
    def client(self) -> dict[str, Any]:
        """Settings of every client."""
        return {"bootstrap.servers": self.bootstrap, **QUIET}

    def topic(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def create(self) -> None:
        needed = (ACTIVITIES, CONFIGS, JOBS, DEAD_LETTERS, "retry.1h")
        self._create(it for it in topics() if it.name in needed)

    def _create(self, wanted: Iterable[Topic]) -> None:
        """Topics that have leaders on return: an agent waits for a while to look again."""
        declared = [self._declared(it) for it in wanted]
        for future in self.admin.create_topics(declared).values():
            future.result(30)
        names = {it.topic for it in declared}
        eventually(lambda: names <= self._usable(), 30)

    def _usable(self) -> set[str]:
        found = self.admin.list_topics(timeout=30)
        return {
            name
            for name, it in found.topics.items()
            if all(each.leader in found.brokers for each in it.partitions.values())
        }

    def _declared(self, topic: Topic) -> NewTopic:
        limit = str(topic.record_bytes_max)
        config = {"cleanup.policy": topic.cleanup, "max.message.bytes": limit}
        return NewTopic(self.topic(topic.name), topic.partitions, 1, config=config)

    def remove(self) -> None:
        """End the workers and delete the topics."""
        for worker in self.workers:
            if worker.alive:
                worker.kill()
        names = [self.topic(it.name) for it in topics()]
        for future in self.admin.delete_topics(names, operation_timeout=10).values():
            with suppress(KafkaException):  # not every installation has all of them
                future.result(20)

    # Configuration

    def apply(self, *configs: Config) -> int:
        """Write records; the offset of the last one, which is readable when this returns."""
        return self.write_configs({str(key_of(it)): encode(it) for it in configs})

    def delete(self, config: Config) -> int:
        return self.write_configs({str(key_of(config)): None})

    def write_configs(self, records: dict[str, bytes | None]) -> int:
        offsets: list[int] = []
        for key, value in records.items():
            self.producer.produce(
                self.topic(CONFIGS),
                key=key.encode(),
                value=value,
                partition=0,
                on_delivery=lambda _, message: offsets.append(message.offset()),
            )
        self.producer.flush(20)
        assert len(offsets) == len(records)
        return max(offsets)

    def fill(self, webhooks: int, fan_out: int = 1) -> None:
        """An account with `fan_out` webhooks at `end`, among `webhooks` of other accounts."""
        others = (
            a_webhook(id=f"w{n}", account_id=1_000 + n % 100, url=f"https://x{n}.example.com/")
            for n in range(webhooks)
        )
        accounts: Iterable[Account] = (an_account(id=1_000 + n) for n in range(100))
        hooks = (a_webhook(id=webhook_id) for webhook_id in owed_webhooks(fan_out))
        self.apply(an_account(), *hooks, *accounts, *others)

    # Events and jobs

    def publish(self, ids: Iterable[str], phase: str = "end", **activity: Any) -> int:
        """Events with these ids, one activity each; how many were acknowledged."""
        acknowledged: list[int] = []
        for event_id in ids:
            value = {
                "event_id": event_id,
                "account_id": ACCOUNT_ID,
                "phase": phase,
                "activity": {"id": event_id, **activity},
            }
            self.publish_raw(event_id.encode(), json.dumps(value).encode(), acknowledged)
        self.producer.flush(30)
        return len(acknowledged)

    def publish_raw(
        self, key: bytes | None, value: bytes | None, acknowledged: list[int] | None = None
    ) -> None:
        """One record on `activities`; its offset is added to `acknowledged`."""

        def on_delivery(error: object, message: Any) -> None:
            if error is None and acknowledged is not None:
                acknowledged.append(message.offset())

        self.producer.produce(self.topic(ACTIVITIES), value, key, on_delivery=on_delivery)
        self.producer.poll(0)

    def set_topic_config(self, topic: str, name: str, value: str) -> None:
        """Have the broker change a topic's setting; it tells the new value on return."""
        changed = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        named = ConfigResource(ResourceType.TOPIC, self.topic(topic), incremental_configs=[changed])
        for done in self.admin.incremental_alter_configs([named]).values():
            done.result(20)

        # It answers when the change is decided, which is before it is carried out.
        def told() -> str | None:
            (answer,) = self.admin.describe_configs([named]).values()
            return answer.result(20)[name].value

        eventually(lambda: told() == value, 20)

    def reader(self, topic: str = JOBS) -> TopicReader:
        return TopicReader(self, topic)

    def committed(self, group: str = "hookline-matcher") -> dict[int, int]:
        """The group's committed offsets on `activities`, by partition."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.topic(group)})
        places = [TopicPartition(self.topic(ACTIVITIES), n) for n in range(8)]
        found = {it.partition: it.offset for it in consumer.committed(places, timeout=30)}
        consumer.close()
        return found

    # Workers

    def start_worker(self, **environment: str) -> Worker:
        log = self.directory / f"matcher{len(self.workers)}.log"
        given = {
            "HOOKLINE_BOOTSTRAP_SERVERS": self.bootstrap,
            "HOOKLINE_TOPIC_PREFIX": self.prefix,
            "HOOKLINE_LOG_FORMAT": "json",
            "HOOKLINE_HEALTH_PORT": "0",
        }
        command = [sys.executable, "-m", "agents.cli", "matcher"]
        module = environment.pop("module", None)
        if module is not None:
            command = [sys.executable, "-m", module]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command, env={**os.environ, **given, **environment}, stdout=stream, stderr=stream
            )
        worker = Worker(process, log)
        self.workers.append(worker)
        return worker
