"""The sender's own way to a request, for whoever asks for one by hand: a test, a preview.

Each has a configuration of its own, so that a webhook need not be kept, or enabled, to be tried.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from agents.api.problems import RATE_LIMITED, Problem
from agents.history.recent import RecentHistory
from agents.sender.attempting import Attempter
from agents.sender.guard import EgressGuard
from agents.sender.http import HttpClient
from agents.sender.opener import SecretOpener
from agents.sender.preparer import Prepared, Preparer
from pipeline.configs import Configs
from pipeline.outcomes import Exchange
from pipeline.sealing import Keys
from pipeline.settings import Settings, parse_networks
from schemas.job import Job

# Each waits for an endpoint, for thirty seconds at most; people do not test more at once.
TESTS_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class _Given:
    """A configuration that does not change meanwhile."""

    configs: Configs


class Tester:
    """Prepares and makes requests as a sender does, each with a configuration of its own."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened before it is needed; to be made in its event loop."""
        self._public_url = settings.public_url
        self._recent = RecentHistory(settings)
        guard = EgressGuard(parse_networks(settings.egress_allow))
        self._http = HttpClient(guard, allow_http=settings.allow_http)
        self._under_way = 0

    async def prepared(self, job: Job, configs: Configs, keys: Keys, *, now_ms: int) -> Prepared:
        """The request of a job, or why there is none."""
        return await self._preparer(keys).prepare(job, configs, now_ms=now_ms)

    async def attempted(self, job: Job, configs: Configs, keys: Keys) -> tuple[Job, Exchange]:
        """Make the request of a job; raises the problem while too many are being made."""
        if self._under_way >= TESTS_MAX:
            raise Problem(
                RATE_LIMITED,
                f"{TESTS_MAX} tests are under way",
                headers={"Retry-After": "1"},
            )
        self._under_way += 1
        try:
            attempter = Attempter(_Given(configs), self._http, self._preparer(keys))
            return await attempter.attempt(job)
        finally:
            self._under_way -= 1

    async def close(self) -> None:
        """Let go of connections and of the history."""
        await self._http.close()
        await asyncio.to_thread(self._recent.close)

    def _preparer(self, keys: Keys) -> Preparer:
        return Preparer(SecretOpener(keys), self._recent, self._public_url)
