"""The directory a broker keeps its data in: one broker at a time, ports remembered, found by all.

`<data_dir>/broker.json` is there while a broker runs; `<data_dir>/kafka/` is Kafka's own.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from agents.broker.files import read_json, try_lock, write_atomically
from agents.errors import OperationError
from pipeline.settings import Settings

# The broker of a process that was killed is still closing its files (guard.py).
_CLOSING_TIMEOUT_S: Final = 15

# A lock held for longer than this by a living process is not a passing look.
_BUSY_TIMEOUT_S: Final = 0.5

_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A broker as others find it: `pid` is the process that owns it, `kafka_pid` Kafka itself."""

    bootstrap_servers: str
    pid: int
    kafka_pid: int


def running_broker(data_dir: Path) -> RunningBroker | None:
    """The broker that runs on `data_dir` now, or None."""
    found = read_json(data_dir / "broker.json")
    with suppress(KeyError, TypeError, ValueError, psutil.Error):
        broker = RunningBroker(
            str(found["bootstrap_servers"]), int(found["pid"]), int(found["kafka_pid"])
        )
        if "kafka.Kafka" in psutil.Process(broker.kafka_pid).cmdline():
            return broker
    return None


def with_running_broker(settings: Settings) -> Settings:
    """`settings` with the broker that runs on their data directory, when they name none."""
    if settings.bootstrap_servers is None and (found := running_broker(settings.data_dir)):
        return settings.model_copy(update={"bootstrap_servers": found.bootstrap_servers})
    return settings


class BrokerDirectory:
    """One data directory, ours while `acquire`'s descriptor is open in any process."""

    def __init__(self, data_dir: Path) -> None:
        """Use `data_dir`, which need not exist yet."""
        self._data_dir = data_dir.absolute()
        self.kafka = self._data_dir / "kafka"
        self._lock = self.kafka / "lock"
        self._announcement = self._data_dir / "broker.json"
        self._remembered = self.kafka / "port.json"

    def acquire(self) -> int:
        """Make the directory ours; raises `OperationError` naming the process that has it."""
        try:
            self.kafka.mkdir(parents=True, exist_ok=True)
            descriptor = self._wait_for_lock()
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        except OSError as error:
            message = f"cannot keep a broker's data in {self._data_dir}: {error.strerror}"
            raise OperationError(message) from error
        return descriptor

    def announce(self, bootstrap_servers: str, kafka_pid: int | None) -> None:
        """Let others find the broker (`running_broker`)."""
        found = {
            "bootstrap_servers": bootstrap_servers,
            "pid": os.getpid(),
            "kafka_pid": kafka_pid,
        }
        write_atomically(self._announcement, json.dumps(found) + "\n")

    def withdraw(self) -> None:
        """Say that the broker is gone."""
        self._announcement.unlink(missing_ok=True)

    @property
    def port(self) -> int | None:
        """The port the broker had when it last ran on this data."""
        port = read_json(self._remembered).get("port")
        return port if isinstance(port, int) else None

    @port.setter
    def port(self, port: int) -> None:
        write_atomically(self._remembered, json.dumps({"port": port}) + "\n")

    def _wait_for_lock(self) -> int:
        began = time.monotonic()
        while (descriptor := try_lock(self._lock)) is None:
            owner = self._owner()
            timeout_s = _CLOSING_TIMEOUT_S if owner is None else _BUSY_TIMEOUT_S
            if time.monotonic() - began > timeout_s:
                who = "that has not ended yet" if owner is None else f"of process {owner}"
                raise OperationError(
                    f"{self._data_dir} is in use by the broker {who}: stop it, or give another "
                    "--data-dir"
                )
            time.sleep(_POLL_S)
        return descriptor

    def _owner(self) -> int | None:
        with suppress(OSError, ValueError):
            pid = int(self._lock.read_text("ascii"))
            return pid if psutil.pid_exists(pid) else None
        return None
