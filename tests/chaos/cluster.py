"""One Kafka node or a quorum of three, real ones, which agents reach through proxies only.

Kafka tells its clients which address to use by the listener they came in by. So every link (an
agent, say) has a listener of its own on every node, advertised as the port of a proxy of its own;
the harness itself uses the plain listener. Nodes can be killed, frozen and started again on their
data and ports.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from confluent_kafka import KafkaException

from agents.broker import properties
from agents.broker.embedded import new_cluster_id
from agents.broker.guarded import Guarded
from agents.broker.jars import JarCache, cache_directory
from agents.broker.java import CLASS_LIST, format_command, java_environment, kafka_command
from agents.broker.lock import packaged_lock
from agents.broker.ports import free_port
from agents.broker.progress import on_stderr
from agents.broker.properties import HOST
from tests.chaos.proxy import Proxies, Proxy
from tests.chaos.relay import Mode
from tests.support.matchers import admin_of
from tests.support.waiting import eventually

START_S: Final = 180  # on a machine that does much else
FORMAT_S: Final = 60
_CONSOLE: Final = "console.log"
_ANSWER_S: Final = 2
_POLL_S: Final = 0.05

# In a quorum everything has three copies, two of which must be written.
_REPLICATED: Final[dict[str, Any]] = {
    "default.replication.factor": 3,
    "min.insync.replicas": 2,
    "offsets.topic.replication.factor": 3,
    "transaction.state.log.replication.factor": 3,
    "transaction.state.log.min.isr": 2,
    "share.coordinator.state.topic.replication.factor": 3,
    "share.coordinator.state.topic.min.isr": 2,
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where a node listens: for the harness, for the quorum, and for each link."""

    plain: int
    controller: int
    links: dict[str, int]


class Node:
    """One Kafka node; the directory and the ports stay the same for all its lives."""

    def __init__(self, number: int, directory: Path, links: Iterable[str], cache: JarCache) -> None:
        self.number = number
        self.directory = directory
        self.places = Places(free_port(), free_port(), {link: free_port() for link in links})
        self.proxies: dict[str, Proxy] = {}
        self._cache = cache
        self._kafka: Guarded | None = None
        directory.mkdir(parents=True)

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.places.plain}"

    @property
    def alive(self) -> bool:
        return self._kafka is not None and self._kafka.alive

    @property
    def pid(self) -> int | None:
        return None if self._kafka is None else self._kafka.pid

    def format(self, cluster_id: str, quorum: str, *, is_replicated: bool) -> None:
        """Write the files and make the log directory Kafka's."""
        settings = self._settings(quorum) | (_REPLICATED if is_replicated else {})
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        (self.directory / "server.properties").write_text(text, "ascii")
        (self.directory / "log4j2.properties").write_text(properties.LOG4J2_PROPERTIES, "ascii")
        program = self._run(format_command(self._cache, cluster_id))
        with suppress(subprocess.TimeoutExpired):
            program.wait(FORMAT_S)
        assert program.stop() == 0, self.last_words()

    def launch(self) -> None:
        """Start Kafka; it does not answer yet."""
        (self.directory / CLASS_LIST).unlink(missing_ok=True)
        self._kafka = self._run(kafka_command(self._cache))

    def start(self) -> None:
        """Start Kafka and wait until it answers."""
        self.launch()
        eventually(lambda: self.answers() or not self.alive, START_S)
        assert self.alive, self.last_words()

    def answers(self) -> bool:
        """Whether clients are served here."""
        with suppress(OSError, KafkaException):
            socket.create_connection((HOST, self.places.plain), _ANSWER_S).close()
            found = admin_of(self.bootstrap_servers).describe_cluster(request_timeout=_ANSWER_S)
            return self.number in {node.id for node in found.result().nodes}
        return False

    def kill(self) -> None:
        """SIGKILL: nothing is closed, nothing is told to anyone."""
        if self._kafka is not None:
            self._kafka.kill()

    def freeze(self) -> None:
        """SIGSTOP: connections stay, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        self.thaw()
        if self._kafka is not None:
            self._kafka.kill()

    def last_words(self) -> str:
        """The end of what it wrote."""
        files = (self.directory / name for name in (properties.LOG_FILE, _CONSOLE))
        return "\n".join(it.read_text("utf-8", "replace")[-3_000:] for it in files if it.exists())

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _run(self, command: list[str]) -> Guarded:
        with Path(os.devnull).open("rb") as nothing_to_hold:
            return Guarded(
                command,
                directory=self.directory,
                output=self.directory / _CONSOLE,
                inherited=nothing_to_hold.fileno(),
                environment=java_environment(os.environ),
            )

    def _settings(self, quorum: str) -> dict[str, Any]:
        places = self.places
        text = properties.server_properties(properties.Ports(places.plain, places.controller))
        plain = {"PLAINTEXT": places.plain}
        listening = {**plain, "CONTROLLER": places.controller, **places.links}
        told = {**plain, **{link: proxy.port for link, proxy in self.proxies.items()}}
        return dict(line.split("=", 1) for line in text.splitlines()) | {
            "node.id": self.number,
            "controller.quorum.voters": quorum,
            "listeners": _addresses(listening),
            "advertised.listeners": _addresses(told),
            "listener.security.protocol.map": ",".join(
                f"{name.upper()}:PLAINTEXT" for name in listening
            ),
            "num.network.threads": 1,  # for each listener
        }


def _addresses(ports: dict[str, int]) -> str:
    return ",".join(f"{name.upper()}://{HOST}:{port}" for name, port in ports.items())


class Cluster:
    """The nodes, and a proxy for each node and link, for the length of a `with` block."""

    def __init__(self, directory: Path, links: Iterable[str], proxies: Proxies, nodes: int) -> None:
        """`links` are names of letters and digits; `nodes` is one or three."""
        self.links = tuple(links)
        cache = JarCache(cache_directory(os.environ), packaged_lock())
        cache.fill(on_stderr)
        self.nodes = [
            Node(number, directory / f"node{number}", self.links, cache)
            for number in range(1, nodes + 1)
        ]
        for node in self.nodes:
            node.proxies = {link: proxies.add(port) for link, port in node.places.links.items()}

    def __enter__(self) -> Self:
        quorum = ",".join(f"{it.number}@{HOST}:{it.places.controller}" for it in self.nodes)
        cluster_id = new_cluster_id()
        try:
            for node in self.nodes:
                node.format(cluster_id, quorum, is_replicated=len(self.nodes) > 1)
            for node in self.nodes:
                node.launch()
            self.wait_complete()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.stop()

    @property
    def bootstrap_servers(self) -> str:
        """For the harness: past the proxies."""
        return ",".join(node.bootstrap_servers for node in self.nodes)

    def bootstrap_servers_for(self, link: str) -> str:
        """For whoever uses a link: the proxies' addresses."""
        return ",".join(f"{HOST}:{node.proxies[link].port}" for node in self.nodes)

    def set(self, link: str, mode: Mode) -> None:
        """Change what a link does, to every node."""
        for node in self.nodes:
            node.proxies[link].set(mode)

    def wait_complete(self) -> None:
        """Wait until every node serves clients; an AssertionError when one ends or is late."""
        deadline_s = time.monotonic() + START_S
        waiting = list(self.nodes)
        while waiting:
            for node in waiting:
                assert node.alive, f"node {node.number} ended: {node.last_words()}"
                assert time.monotonic() < deadline_s, f"node {node.number}: {node.last_words()}"
            waiting = [node for node in waiting if not node.answers()]
            time.sleep(_POLL_S)
