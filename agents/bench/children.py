"""The bench's own two processes, as the bench holds them.

Each ends when its standard input is closed, so neither outlives the bench, however that one ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Final, Self

import orjson

from agents.bench.publisher import Order, Receipt, Stream
from agents.bench.tally import RECORD_BYTES, Arrival, unpacked
from agents.errors import OperationError

_END_S: Final = 5


class Child:
    """A module of ours, run by our own interpreter. Use it in a `with` block."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Start it."""
        self._name = module
        self._process = subprocess.Popen(  # noqa: S603 - the command is ours
            # -P: a directory `agents` where we happen to be must not hide ours
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C is for us
        )

    def __enter__(self) -> Self:
        """Give the child itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let it end, and see to it that it does."""
        self._input.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def _input(self) -> IO[bytes]:
        return _opened(self._process.stdin)

    @property
    def _output(self) -> IO[bytes]:
        return _opened(self._process.stdout)

    def kill(self) -> None:
        """End it at once: whoever waits for its answer is told."""
        self._process.kill()

    def tell(self, line: bytes) -> None:
        """Write a line to it."""
        try:
            self._input.write(line + b"\n")
            self._input.flush()
        except BrokenPipeError:
            raise OperationError(f"{self._name} ended by itself") from None

    def answer(self) -> bytes:
        """Wait for a line that it prints."""
        line = self._output.readline()
        if not line:
            raise OperationError(f"{self._name} ended by itself")
        return line


def _opened(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the process was started without a pipe")
    return stream


class ReceiverProcess(Child):
    """The receiver, and what it has written down so far."""

    def __init__(self, file: Path) -> None:
        """Start it, and know its port."""
        super().__init__("agents.bench.receiver", str(file))
        self.port = int(self.answer())
        self._arrivals = file.open("rb")
        self._rest = b""

    def __exit__(self, *_: object) -> None:
        """Let it end."""
        self._arrivals.close()
        super().__exit__()

    def new_arrivals(self) -> Iterator[Arrival]:
        """What came since this was asked last."""
        data = self._rest + self._arrivals.read()
        whole = len(data) - len(data) % RECORD_BYTES
        self._rest = data[whole:]
        return unpacked(data[:whole])


class PublisherProcess(Child):
    """The publisher."""

    def __init__(self, stream: Stream) -> None:
        """Start it; it connects meanwhile."""
        super().__init__("agents.bench.publisher")
        self.tell(orjson.dumps(asdict(stream)))

    def publish(self, order: Order) -> Receipt:
        """Publish a load to its end, which takes as long as it says."""
        self.tell(orjson.dumps(asdict(order)))
        return Receipt(**orjson.loads(self.answer()))
