"""The embedded broker: start it on a directory, get an address, stop it. All else is detail."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from confluent_kafka import KafkaException

from agents.broker import properties
from agents.broker.archive import ArchiveMaker
from agents.broker.directory import BrokerDirectory
from agents.broker.guarded import Guarded
from agents.broker.jars import JarCache, cache_directory
from agents.broker.java import CLASS_LIST, format_command, java_environment, kafka_command
from agents.broker.lock import packaged_lock
from agents.broker.ports import free_port, is_free
from agents.broker.progress import ShowProgress, silent
from agents.errors import OperationError
from agents.kafka.clients import admin_client
from pipeline.settings import Settings

# Two to three seconds on an idle machine; a busy one with much data to recover may need many more.
_START_TIMEOUT_S: Final = 90

_FORMAT_TIMEOUT_S: Final = 60

# Another process can take a port between our look at it and Kafka's start.
_PORT_TRIES: Final = 3

_POLL_S: Final = 0.02
_ANSWER_TIMEOUT_S: Final = 2
_LAST_LINES: Final = 15

_CONSOLE: Final = "console.log"


class EmbeddedBroker:
    """A single-node Kafka whose data lies in `data_dir`/kafka. Start, stop and start as you like.

    It is a child of this process and ends with it, even when this process is killed. Its data
    stays; started again on it, it has the same port if that is free.
    """

    def __init__(
        self, data_dir: Path, *, port: int | None = None, show: ShowProgress = silent
    ) -> None:
        """A broker on `port` (None: the one it had before, or any); `show` is for the download."""
        self._directory = BrokerDirectory(data_dir)
        self._port = port
        self._show = show
        self._cache = JarCache(cache_directory(os.environ), packaged_lock())
        self._kafka: Guarded | None = None
        self._archive: ArchiveMaker | None = None
        self._lock: int | None = None
        self._log_offset = 0
        self.bootstrap_servers = ""

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> str:
        """Start Kafka, wait until it answers, and return its bootstrap servers.

        Raises `OperationError`: no jars and no network, directory or port taken, no start.
        """
        if self._kafka is not None:
            self.stop()  # what is left of one that died
        self._cache.fill(self._show)
        self._lock = self._directory.acquire()
        try:
            ports = self._start_on_some_port()
            self._directory.port = ports.clients
            self._directory.announce(ports.bootstrap_servers, self.kafka_pid)
        except BaseException:
            self.stop()
            raise
        self._archive = ArchiveMaker(self._cache, self._directory.kafka)
        self.bootstrap_servers = ports.bootstrap_servers
        return self.bootstrap_servers

    def stop(self) -> None:
        """Let Kafka close its files and end (a fraction of a second); nothing if it is not on."""
        self._end(kill=False)

    def kill(self) -> None:
        """End Kafka as kill -9 would, for tests of what that costs."""
        self._end(kill=True)

    @property
    def alive(self) -> bool:
        """Whether Kafka runs (for up to a fifth of a second after its end, too)."""
        return self._kafka is not None and self._kafka.alive

    @property
    def kafka_pid(self) -> int | None:
        """Kafka's own process id while it runs."""
        return None if self._kafka is None else self._kafka.pid

    def failure(self) -> OperationError:
        """What to tell people when Kafka ended by itself: the end of what it wrote."""
        lines = self._last_lines()
        told = "".join(f"\n  {line}" for line in lines) or " nothing"
        return OperationError(
            f"the broker ended by itself; its last words (more in {self._directory.kafka}):{told}"
        )

    @property
    def _process(self) -> Guarded:
        if self._kafka is None:
            raise RuntimeError("the broker has not been started")
        return self._kafka

    def _start_on_some_port(self) -> properties.Ports:
        for _ in range(_PORT_TRIES):
            ports = self._choose_ports()
            self._write_files(ports)
            self._launch()
            if self._is_ready(ports):
                return ports
            failure = self.failure()
            if "Address already in use" not in str(failure):
                raise failure
            self._process.stop()
        raise failure

    def _choose_ports(self) -> properties.Ports:
        if self._port is not None and not is_free(self._port):
            raise OperationError(
                f"port {self._port} is taken: give the broker another --port, or none"
            )
        remembered = self._directory.port
        clients = self._port or (remembered if remembered and is_free(remembered) else free_port())
        return properties.Ports(clients, free_port(other_than=clients))

    def _write_files(self, ports: properties.Ports) -> None:
        kafka = self._directory.kafka
        (kafka / "server.properties").write_text(properties.server_properties(ports), "ascii")
        (kafka / "log4j2.properties").write_text(properties.LOG4J2_PROPERTIES, "ascii")
        for name in (CLASS_LIST, _CONSOLE):
            (kafka / name).unlink(missing_ok=True)
        if not (kafka / properties.LOG_DIRECTORY).exists():
            self._format()

    def _format(self) -> None:
        """Make the log directory apart and move it, whole, to its place."""
        apart = self._directory.kafka / "formatting"
        shutil.rmtree(apart, ignore_errors=True)
        apart.mkdir()
        shutil.copy(self._directory.kafka / "server.properties", apart)
        program = self._run(format_command(self._cache, new_cluster_id()), apart)
        with suppress(subprocess.TimeoutExpired):
            program.wait(_FORMAT_TIMEOUT_S)
        if program.stop() != 0:
            raise self.failure()
        log = properties.LOG_DIRECTORY
        (apart / log).replace(self._directory.kafka / log)
        shutil.rmtree(apart)

    def _launch(self) -> None:
        with suppress(FileNotFoundError):
            self._log_offset = (self._directory.kafka / properties.LOG_FILE).stat().st_size
        self._kafka = self._run(kafka_command(self._cache), self._directory.kafka)

    def _run(self, command: list[str], directory: Path) -> Guarded:
        if self._lock is None:
            raise RuntimeError("the directory is not ours")
        output = self._directory.kafka / _CONSOLE
        return Guarded(
            command,
            directory=directory,
            output=output,
            inherited=self._lock,
            environment=java_environment(os.environ),
        )

    def _is_ready(self, ports: properties.Ports) -> bool:
        """Whether Kafka came to answer; False when it ended. Raises when it does neither."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self._process.alive:
            if _listens(ports.clients) and _answers(ports.bootstrap_servers):
                return True
            if time.monotonic() > deadline:
                raise OperationError(f"the broker did not answer within {_START_TIMEOUT_S} s")
            time.sleep(_POLL_S)
        return False

    def _end(self, *, kill: bool) -> None:
        if self._archive is not None:
            self._archive.stop()
        if self._kafka is not None:
            self._directory.withdraw()
            (self._kafka.kill if kill else self._kafka.stop)()
        if self._lock is not None:
            os.close(self._lock)
        self._kafka = self._archive = self._lock = None

    def _last_lines(self) -> list[str]:
        log = b""
        with (
            suppress(FileNotFoundError),
            (self._directory.kafka / properties.LOG_FILE).open("rb") as file,
        ):
            file.seek(self._log_offset)
            log = file.read()
        with suppress(FileNotFoundError):
            log += (self._directory.kafka / _CONSOLE).read_bytes()
        lines = log.decode("utf-8", "replace").splitlines()
        return [line for line in lines if not line.startswith("\tat ")][-_LAST_LINES:]


def new_cluster_id() -> str:
    """A random Kafka cluster id; never one that begins with -, which Kafka takes for an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()).startswith("-"):
        pass
    return text.rstrip("=")


def _listens(port: int) -> bool:
    """Whether it is worth asking: a client that was refused waits before it tries again."""
    with suppress(OSError), socket.create_connection((properties.HOST, port), _ANSWER_TIMEOUT_S):
        return True
    return False


def _answers(bootstrap_servers: str) -> bool:
    admin = admin_client(Settings(bootstrap_servers=bootstrap_servers))
    try:
        cluster = admin.describe_cluster(request_timeout=_ANSWER_TIMEOUT_S).result()
    except KafkaException:
        return False
    return bool(cluster.nodes)
