"""An agent whose wall clock can be set wrong while it runs, by a file.

    python -m tests.support.shifted_clock OFFSET_FILE ROLE...

The file holds one signed 64-bit number of milliseconds, which is added to the time of day. What is
measured from some point on (`time.monotonic`) runs as ever, as it does when a real clock jumps.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from pathlib import Path
from typing import Final

_FORMAT: Final = "=q"
_NS_PER_MS: Final = 1_000_000


def set_offset(path: Path, offset_ms: int) -> None:
    """Say by how much the clock is wrong, from now on. Creates the file when it is missing."""
    path.touch()
    with path.open("r+b") as file:
        file.write(struct.pack(_FORMAT, offset_ms))


def patch(path: Path) -> None:
    """Let `time.time` and `time.time_ns` follow the file."""
    with path.open("rb") as file:
        shared = mmap.mmap(file.fileno(), struct.calcsize(_FORMAT), prot=mmap.PROT_READ)
    offset_ms = memoryview(shared).cast("q")
    true_time, true_time_ns = time.time, time.time_ns
    time.time = lambda: true_time() + offset_ms[0] / 1_000
    time.time_ns = lambda: true_time_ns() + offset_ms[0] * _NS_PER_MS


def main() -> None:
    patch(Path(sys.argv.pop(1)))
    from agents.cli import main as run  # noqa: PLC0415 - nothing of ours may have seen the clock

    run()


if __name__ == "__main__":
    main()
