"""A service for a supervisor: a real child that ends when it is told to, or at once."""

import sys
import time
from pathlib import Path

from agents.broker.guarded import Guarded

SLEEPER = "import time; time.sleep(600)"


class Child:
    """A Python process behind the guard. `script` is what it runs; each start is noted."""

    def __init__(self, name: str, role: str, directory: Path, log: list[str], script=SLEEPER):
        self.name = name
        self.role = role
        self.started_at_s: list[float] = []
        self._directory = directory
        self._log = log
        self._script = script
        self.process: Guarded | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive

    def start(self, inherited: int) -> None:
        self.started_at_s.append(time.monotonic())
        self.process = Guarded(
            [sys.executable, "-c", self._script],
            directory=self._directory,
            output=self._directory / "output",
            inherited=inherited,
        )

    def stop(self) -> None:
        self._log.append(f"stop {self.name}")
        if self.process is not None:
            self.process.stop()

    def ending(self) -> str:
        return f"exit code {self.process.wait()}"
