"""The receiver's side as the harness sees it: its process, its two files, a run's webhooks."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schemas.webhook import Webhook
from tests.chaos.ledger import Answer
from tests.chaos.receiver import ANSWERS, REQUESTS
from tests.chaos.repeats import Request
from tests.chaos.upstream import wants
from tests.support.builders import a_webhook

_STOP_S: Final = 5


class _Lines:
    """The whole lines that a file has grown by."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def new(self) -> list[list[str]]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            came = file.read()
        self._offset += len(came)
        *whole, self._rest = (self._rest + came).split(b"\n")
        return [line.decode().split(" ") for line in whole]


@dataclass
class Receiver:
    """A receiver's process, and what it has written down so far."""

    process: subprocess.Popen[bytes]
    port: int
    directory: Path
    requests: list[Request] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._requests = _Lines(self.directory / REQUESTS)
        self._answers = _Lines(self.directory / ANSWERS)

    def read(self) -> None:
        """Take in what has been written since the last call."""
        answers = self._answers.new()  # first: an answer is never without its request then
        for number, at_s, webhook, delivery_id, stamp, port in self._requests.new():
            self.requests.append(
                Request(int(number), float(at_s), webhook, delivery_id, int(stamp), int(port))
            )
        for number, at_s, how in answers:
            answer = Answer(float(at_s), how)
            self.answers[int(number)] = answer
            if answer.is_success:
                self.delivered.add(self.requests[int(number) - 1].delivery_id)

    @property
    def unanswered(self) -> int:
        """Requests that have come and are not answered, as far as was read."""
        return len(self.requests) - len(self.answers)

    def flap(self, *, up: bool) -> None:
        """Switch the endpoints that flap."""
        url = f"http://127.0.0.1:{self.port}/control/{'up' if up else 'down'}"
        urllib.request.urlopen(url, timeout=10).close()


@contextmanager
def a_receiver(directory: Path) -> Iterator[Receiver]:
    """A receiver's process for a `with` block; it ends with this process whatever happens."""
    directory.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.receiver", "--directory", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Receiver(process, int(process.stdout.readline()), directory)
    finally:
        process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


# What is wrong with the endpoints that are not fine: by kind, the path and how many shards it has.
# A request that waits for its timeout holds one of few places, so few events go to those that do.
UNWELL: Final[dict[str, tuple[str, int]]] = {
    "slow": ("slow/300", 5),
    "hang": ("hang", 1),
    "drip": ("drip", 1),
    "reset": ("reset", 4),
    "flap": ("flap", 10),
    "fails": ("fails/2", 10),
    "busy": ("busy/1", 4),
    "never": ("never", 5),
    "gone": ("gone", 5),
}
# Two more attempts soon, and one after half a minute: a run of minutes comes to an end.
SCHEDULE: Final = ("5s", "5s", "30s")
# Those that never answer in time get one more attempt, lest their jobs pile up beyond the run.
_PATIENCE: Final[dict[str, tuple[str, ...]]] = {"hang": ("5s",), "drip": ("5s",)}
# Shards of each fine webhook: with 90 of them, 45 of 1,845 events go to endpoints that are not.
_SHARDS: Final = 20


def webhooks_for(
    port: int,
    fine: int = 90,
    *,
    schedule: tuple[str, ...] = SCHEDULE,
    expire_after_s: tuple[int, int] = (600, 600),
    delay_ms: int = 0,
) -> list[Webhook]:
    """The webhooks of a run, most of them fine, whose endpoints take `delay_ms` to answer.

    `expire_after_s` is of the fine ones and of the others.

    The first shard of every tenth of these goes to the next one too, of every thirtieth to the next
    but one as well, so that some events are owed to two or three webhooks.
    """
    shards = {f"fine{n}": list(range(n, fine * _SHARDS, fine)) for n in range(fine)}
    paths = dict.fromkeys(shards, f"slow/{delay_ms}" if delay_ms else "fine")
    for shard in range(0, fine, 10):
        shards[f"fine{(shard + 1) % fine}"].append(shard)
        if shard % 30 == 0:
            shards[f"fine{(shard + 2) % fine}"].append(shard)
    free = fine * _SHARDS
    for kind, (path, count) in UNWELL.items():
        shards[kind], paths[kind] = list(range(free, free + count)), path
        free += count
    return [
        a_webhook(
            id=name,
            url=f"http://127.0.0.1:{port}/{name}/{path}",
            filter=wants(*sorted(set(shards[name]))),
            retry={"schedule": _PATIENCE.get(name, schedule)},
            timeout_s=1 if name in _PATIENCE else 5,
            expire_after_s=expire_after_s[name in UNWELL],
        )
        for name, path in paths.items()
    ]


def plain_webhooks(port: int, count: int = 50, *, delay_ms: int = 0) -> list[Webhook]:
    """Webhooks whose endpoints are all fine, one for each shard: an event is one delivery."""
    path = f"slow/{delay_ms}" if delay_ms else "fine"
    return [
        a_webhook(id=f"w{n}", url=f"http://127.0.0.1:{port}/w{n}/{path}", filter=wants(n))
        for n in range(count)
    ]
