"""`hookline broker` as a process of its own, to be asked, killed and watched."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from agents.broker.directory import running_broker
from tests.support.waiting import eventually

START_S = 60
END_S = 10


class Command:
    """The command on `data_dir`, with nothing of Hookline, java or mvn in its environment."""

    def __init__(self, data_dir: Path, *options: str, **environment: str) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agents.cli", "broker", "--data-dir", str(data_dir), *options],
            env=plain_environment() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_running(self) -> tuple[str, int]:
        """Its bootstrap servers and Kafka's process id."""
        found = eventually(lambda: running_broker(self.data_dir) or self.ended(), START_S)
        return found.bootstrap_servers, found.kafka_pid

    def ended(self) -> None:
        assert self.process.poll() is None, self.process.communicate()[0]

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=END_S)
        return self.process.returncode, output

    def is_listening_for_signals(self) -> bool:
        """Whether SIGTERM has a handler (SigCgt in /proc, bit 15 - 1)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)


def plain_environment() -> dict[str, str]:
    """This process's environment without a given broker, and without any java or mvn on PATH."""
    return {k: v for k, v in os.environ.items() if not k.startswith("HOOKLINE_")} | {
        "PATH": "/nonexistent"
    }
