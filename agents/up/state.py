"""`<data_dir>/up.json`: what `up` lets other commands know, so that they need no settings.

There while `up` runs; one left behind by a killed `up` is seen through by its process id.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from agents.broker.directory import with_running_broker
from agents.broker.files import read_json, try_lock, write_atomically
from agents.errors import OperationError
from pipeline.settings import Settings

_STATE: Final = "up.json"
_LOCK: Final = "up.lock"

# What must be the same for everyone who works with one installation.
_SHARED: Final = (
    *("bootstrap_servers", "topic_prefix", "job_partitions"),
    *("allow_http", "egress_allow"),  # what can be saved is what can be sent
)

# The agents of an `up` that was killed have so long to end, and a little (agents/broker/guard.py).
_CLOSING_TIMEOUT_S: Final = 15
_BUSY_TIMEOUT_S: Final = 0.5
_POLL_S: Final = 0.05

# Clocks of the same moment, read twice, differ by less.
_SAME_MOMENT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class RunningUp:
    """An `up` as others find it; `shared` are settings as they stand in a `Settings`.

    `key_ids` names the secret keys of its agents, None when they are not in its directory's file.
    """

    pid: int
    api_port: int
    shared: dict[str, Any]
    key_ids: frozenset[str] | None


def running_up(data_dir: Path) -> RunningUp | None:
    """The `up` that runs on `data_dir` now, or None."""
    found = read_json(data_dir / _STATE)
    with suppress(KeyError, TypeError, ValueError, psutil.Error):
        ids = found.get("key_ids")
        up = RunningUp(
            pid=int(found["pid"]),
            api_port=int(found["api_port"]),
            shared=dict(found["settings"]),
            key_ids=None if ids is None else frozenset(ids),
        )
        began_s = psutil.Process(up.pid).create_time()  # a later process may have the number now
        if abs(began_s - float(found["began_s"])) < _SAME_MOMENT_S:
            return up
    return None


def with_running_installation(settings: Settings) -> Settings:
    """`settings`, and where they name no broker those of what runs on their data directory.

    That is an `up` or `demo`, or else a `hookline broker`. What is set explicitly stays as it is.
    """
    if settings.bootstrap_servers is not None:
        return settings
    up = running_up(settings.data_dir)
    if up is None:
        return with_running_broker(settings)
    missing = {
        name: value
        for name, value in up.shared.items()
        if name in _SHARED and name not in settings.model_fields_set
    }
    return settings.model_copy(update=missing)


def announce(settings: Settings, api_port: int, *, key_ids: Sequence[str] | None) -> None:
    """Let others find this process's installation. `key_ids` as in `RunningUp`."""
    pid = os.getpid()
    state = {
        "pid": pid,
        "began_s": psutil.Process(pid).create_time(),
        "api_port": api_port,
        "key_ids": None if key_ids is None else list(key_ids),
        "settings": settings.model_dump(mode="json", include=set(_SHARED)),
    }
    write_atomically(settings.data_dir / _STATE, json.dumps(state, indent=2) + "\n")


def withdraw(data_dir: Path) -> None:
    """Say that the installation is gone."""
    (data_dir / _STATE).unlink(missing_ok=True)


def take_data_dir(data_dir: Path) -> int:
    """Make a directory ours, creating it; the descriptor that keeps it so.

    Raises `OperationError` naming the process that has it.
    """
    lock = data_dir / _LOCK
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        began_s = time.monotonic()
        while (descriptor := try_lock(lock)) is None:
            _give_up_when_in_use(lock, time.monotonic() - began_s)
            time.sleep(_POLL_S)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    except OSError as error:
        raise OperationError(f"cannot use {data_dir}: {error.strerror}") from error
    return descriptor


def _give_up_when_in_use(lock: Path, waited_s: float) -> None:
    with suppress(ValueError):
        pid = int(lock.read_text("ascii"))
        if psutil.pid_exists(pid) and waited_s > _BUSY_TIMEOUT_S:
            raise OperationError(
                f"{lock.parent} is in use by process {pid}: stop it, or give another --data-dir"
            )
    if waited_s > _CLOSING_TIMEOUT_S:
        raise OperationError(
            f"agents of an earlier run still work on {lock.parent}: wait until they have ended"
        )
