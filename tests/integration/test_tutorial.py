"""The tutorial does what it says: every command of it, in its order, against a real `up`."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from uuid import uuid4

import pytest

from agents.broker.ports import free_port
from tests.support.broker_command import plain_environment
from tests.support.modules import ROOT
from tests.support.waiting import eventually

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
START_S = 90
END_S = 30
# A delivery, its record and the recorder's half a second, on a machine that does other things too.
COMES_TRUE_S = 60

# A block of commands with what they print, or a word to stop or start one that goes on.
PART = re.compile(
    r"```console\n(?P<block>.*?)```|<!-- (?P<word>stop|start): (?P<what>.+?) -->", re.DOTALL
)
ENDED = "--ended--"


def steps():
    """Commands, each with what is printed below it; and the words about those that go on."""
    for part in PART.finditer(TUTORIAL):
        if part["word"]:
            yield part["word"], part["what"], ""
        else:
            for told in part["block"].removeprefix("$ ").split("\n$ "):
                command, printed = split(told)
                yield ("start" if goes_on(command) else "run"), command, printed


def goes_on(command):
    return re.search(r"hookline (bin|up)$", command) is not None


def split(told):
    """A command, with its indented lines, and what it prints."""
    lines = told.rstrip("\n").split("\n")
    end = next((at for at, line in enumerate(lines[1:], 1) if not line.startswith("    ")), None)
    return "\n".join(lines[:end]), "" if end is None else "\n".join(lines[end:])


def as_pattern(printed):
    """What may stand for what is printed: an ellipsis is anything."""
    return re.compile(".*?".join(map(re.escape, printed.split("…"))), re.DOTALL)


def asks_only(command):
    return " -d " not in command and "-X POST" not in command


class Reader:
    """Somebody who types what the tutorial says."""

    def __init__(self, directory: Path, broker: str) -> None:
        self.ports = {"8321": str(free_port()), "8400": str(free_port())}
        self.going_on: dict[str, subprocess.Popen[bytes]] = {}
        self.log = (directory / "log").open("wb")
        self.how = {
            "cwd": directory,
            "env": plain_environment()
            | {
                "HOOKLINE_BOOTSTRAP_SERVERS": broker,
                "HOOKLINE_TOPIC_PREFIX": f"{uuid4().hex[:8]}.",
                "HOOKLINE_API_PORT": self.ports["8321"],
                "PYTHONPATH": str(ROOT),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
        }
        self.shell = subprocess.Popen(
            ["/bin/bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            **self.how,
        )

    def start(self, command):
        """Begin a command that goes on, and wait until it serves."""
        here = f"exec env {self.here(command)}"
        if command.endswith("bin"):
            here += f" --port {self.ports['8400']}"
            page = f"http://127.0.0.1:{self.ports['8400']}/"
        else:
            page = f"http://127.0.0.1:{self.ports['8321']}/ready"
        self.going_on[command.split("hookline ")[-1]] = subprocess.Popen(
            ["/bin/bash", "-c", here], stdout=self.log, stderr=self.log, **self.how
        )
        eventually(lambda: is_served(page), timeout_s=START_S)

    def stop(self, command):
        """Press Ctrl-C in a command's terminal."""
        process = self.going_on.pop(command.split("hookline ")[-1])
        process.send_signal(signal.SIGINT)
        process.wait(END_S)

    def run(self, command, printed):
        """Type a command; what only asks is typed again until it prints what it should."""
        wanted, seen = as_pattern(printed), []

        def prints_it():
            seen.append(self.printed(command))
            return wanted.search(seen[-1]) is not None

        timeout_s = COMES_TRUE_S if asks_only(command) else 0
        try:
            eventually(prints_it, timeout_s)
        except AssertionError:
            raise AssertionError(f"{command}\nprinted\n{seen[-1]}\nnot\n{printed}") from None

    def printed(self, command):
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{self.here(command)}\necho; echo {ENDED}\n".encode())
        self.shell.stdin.flush()
        lines = iter(self.shell.stdout.readline, f"{ENDED}\n".encode())
        return b"".join(lines).decode()

    def here(self, command):
        """The command with the ports of this test."""
        for usual, ours in self.ports.items():
            command = command.replace(usual, ours)
        return command

    def close(self):
        for command in list(self.going_on):
            self.stop(command)
        self.shell.communicate(timeout=END_S)
        self.log.close()


def is_served(page):
    try:
        with urllib.request.urlopen(page, timeout=5) as answer:  # noqa: S310 - loopback
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture
def reader(broker, tmp_path):
    made = Reader(tmp_path, broker)
    yield made
    made.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tutorial's commands need curl")
@pytest.mark.timeout(300)
def test_everything_in_the_tutorial_happens_as_it_says(reader):
    for what, command, printed in steps():
        if what == "run":
            reader.run(command, printed)
        else:
            getattr(reader, what)(command)
    # Had the retry not been superseded, nothing here would tell: it is due in an hour.
    requests = reader.printed("curl -s http://127.0.0.1:8400/requests.json")
    assert requests.count('"number"') == 2, "the rerun and a test, since the endpoint began anew"
