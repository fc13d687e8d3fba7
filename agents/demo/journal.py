"""What the demo's agents print, in one file that begins anew with each demo."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import IO


class Journal:
    """A file of lines, opened with the first one; agents' lines come in threads of their own."""

    def __init__(self, path: Path) -> None:
        """Nothing is written yet: the directory need not exist."""
        self._path = path
        self._lock = threading.Lock()
        self._file: IO[str] | None = None

    def write(self, name: str, line: str) -> None:
        """Add a line of the agent `name`."""
        with self._lock:
            if self._file is None:
                self._file = self._path.open("w", encoding="utf-8", buffering=1)
            self._file.write(f"{name} | {line}\n")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
