"""Small files and locks that hold when two processes come at once or one is killed midway."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

_LOCK_POLL_S: Final = 0.05


def write_atomically(path: Path, text: str) -> None:
    """Replace `path` by `text`; a reader sees the old content or the new, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when there is none or it is damaged."""
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text("utf-8"))
        if isinstance(content, dict):
            return content
    return {}


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock `path` for as long as any process has it open, or None."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock `path` inside the block, waiting for it as long as it takes."""
    while (descriptor := try_lock(path)) is None:
        time.sleep(_LOCK_POLL_S)
    try:
        yield
    finally:
        os.close(descriptor)
