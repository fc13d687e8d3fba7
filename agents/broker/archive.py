"""The class archive that halves the broker's start: made once, in the background, at idle priority.

The first broker on a machine notes the classes it loads; when it is ready, another Java writes them
parsed and verified into the cache (about five seconds of one core). Nobody waits for it, and when
it is cut short the next broker tries again.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from agents.broker.files import try_lock
from agents.broker.guarded import Guarded
from agents.broker.jars import JarCache
from agents.broker.java import CLASS_LIST, archive_command, java_environment

_LOWEST_PRIORITY: Final = 19


class ArchiveMaker:
    """Makes the archive while a broker runs in `directory`, unless it is there or being made."""

    def __init__(self, cache: JarCache, directory: Path) -> None:
        """Begin, if there is something to do."""
        self._cache = cache
        self._unfinished = cache.archive.with_suffix(".tmp")
        self._process: Guarded | None = None
        class_list = directory / CLASS_LIST
        if cache.archive.exists() or not class_list.exists():
            return
        lock = try_lock(cache.archive.with_suffix(".lock"))
        if lock is None:
            return
        try:
            self._process = self._begin(directory, class_list, lock)
        finally:
            os.close(lock)  # the process holds on to it

    def stop(self) -> None:
        """Give up what is not finished."""
        if self._process is not None:
            self._process.kill()

    def _begin(self, directory: Path, class_list: Path, lock: int) -> Guarded:
        complete_lines = class_list.read_bytes().rpartition(b"\n")[0]  # Java is still writing
        copy = class_list.with_suffix(".copy")
        copy.write_bytes(complete_lines + b"\n")
        process = Guarded(
            archive_command(self._cache, copy, self._unfinished),
            directory=directory,
            output=directory / "archive.log",
            inherited=lock,
            priority=_LOWEST_PRIORITY,
            environment=java_environment(os.environ),
        )
        threading.Thread(target=self._finish, args=(process,), daemon=True).start()
        return process

    def _finish(self, process: Guarded) -> None:
        with suppress(OSError):  # it is only for speed
            if process.wait() == 0:
                self._unfinished.replace(self._cache.archive)
        process.stop()
