"""What a sender's worker deals with: each request and each write waits until it is let through."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

from agents.kafka.acknowledging import UnwritableError
from agents.sender.attempting import Attempter
from agents.sender.consumer import Fetched
from agents.sender.opener import SecretOpener
from agents.sender.preparer import Preparer
from agents.sender.worker import Worker
from pipeline.assignments import Place
from pipeline.outcomes import Answered, Exchange
from pipeline.requests import Request, as_recorded
from pipeline.secret_keys import SecretKey
from schemas.attempt import Response, Timings
from schemas.codec import encode
from schemas.topics import JOBS
from tests.support.builders import a_job, a_webhook, an_account
from tests.support.configs import configs_of, keep
from tests.support.histories import NoHistory

FIRST, SECOND = 1, 2  # epochs
KEY, LOST = SecretKey("k", b"k" * 32), SecretKey("lost", b"l" * 32)


class Outside:
    """What a worker deals with: each request and each write waits until it is let through."""

    def __init__(self):
        self.configs = configs_of(an_account(), a_webhook())
        self.requests: list[asyncio.Future] = []
        self.sent: list[Request] = []
        self.settlements: list = []
        self.completed: list[tuple[Place, int | None]] = []
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.is_configured = asyncio.Event()
        self.is_certain = True
        self.too_large = self.all_too_large = False
        self.buried: list = []
        preparer = Preparer(SecretOpener((KEY,)), NoHistory(), "https://hookline.example")
        self.worker = Worker(
            self, Attempter(self, self, preparer), self, self.close, lambda: self.is_certain
        )

    def close(self, place, offset):
        self.completed.append((place, offset))

    def configure(self, webhook):
        keep(self.configs, webhook)

    async def reaches(self, _offset):
        await self.is_configured.wait()

    async def exchange(self, request, _timeout_s):
        self.sent.append(request)
        self.requests.append(asyncio.get_running_loop().create_future())
        status = await self.requests[-1]
        return Exchange(as_recorded(request), Answered(Response(status=status)), Timings())

    async def write(self, settlement, _trace):
        if (self.too_large and settlement.parked is not None) or self.all_too_large:
            raise UnwritableError("a record of 9 bytes is too large for retry.5s")
        self.settlements.append(settlement)
        await self.may_write.wait()
        return 40 + len(self.settlements)

    async def write_faulty_job(self, buried, fault):
        self.buried.append((buried, fault))

    def read(self, offset=7, topic=JOBS, epoch=FIRST, **job):
        """Hand a job to the worker, as the consuming thread does."""
        expires_at_ms = time.time_ns() // 1_000_000 + 3_600_000
        value = encode(a_job(expires_at_ms=expires_at_ms, **{"config_offset": 1, **job}))
        message = SimpleNamespace(
            topic=lambda: topic,
            partition=lambda: 3,
            offset=lambda: offset,
            timestamp=lambda: (0, -1),
            key=lambda: b"25:crm",
            value=lambda: value,
            headers=list,
        )
        self.worker.on_jobs([Fetched(Place(topic, 3, epoch, offset), message)])

    @property
    def closed(self) -> list[tuple[int, int | None]]:
        return [(place.offset, attempt_offset) for place, attempt_offset in self.completed]


async def eventually_async(holds) -> None:
    """Wait for what another thread's turn, 20 ms apart, brings about."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what holds has no event
            await asyncio.sleep(0.005)


async def turned() -> None:
    """Let the loop do all that can be done now."""
    for _ in range(20):
        await asyncio.sleep(0)
