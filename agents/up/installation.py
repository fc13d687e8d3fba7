"""A whole installation on one data directory: broker, topics, agents, the API, and its pages.

Entered, the directory is ours and the broker answers; started, the agents run. Whatever ends, ends
in the order in which nothing is lost and nothing waits: matchers, senders, scheduler, notifier,
recorder, broker.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, Self

from aiohttp import web

from agents.api.admin_key import ADMIN_KEY_FILE, ensure_admin_key
from agents.api.service import ApiService
from agents.broker.embedded import EmbeddedBroker
from agents.broker.progress import ShowProgress, silent
from agents.kafka.topics import create_topics
from agents.sealing.keys import with_own_keys
from agents.up import state
from agents.up.broker import ROLE, BrokerService
from agents.up.pages import Health, health_of, up_routes
from agents.up.process import AgentProcess, Say
from agents.up.supervisor import Service, Supervisor
from agents.web import listening, serve_on
from pipeline.secret_keys import parse_keys
from pipeline.settings import Settings

# How often a starting installation is asked whether it is ready.
_POLL_S: Final = 0.1

# Whoever makes requests; to all others a secret stays sealed.
_NEED_KEYS: Final = frozenset({"sender"})
# What a notifier alone logs in with.
_PASSWORDS: Final = ("smtp_password", "sms_password")


@dataclass(frozen=True, slots=True)
class Voices:
    """How an installation speaks: `tell` to people, `say` what agents print, `show` downloads."""

    tell: Callable[[str], None]
    say: Say
    show: ShowProgress = silent


class Installation:
    """Use it in a `with` block, and within that `start` and `stop` in an event loop."""

    def __init__(
        self, settings: Settings, voices: Voices, *, matchers: int = 1, senders: int = 1
    ) -> None:
        """Nothing happens yet. `settings` without a broker ask for an embedded one."""
        self.settings = settings.model_copy(update={"data_dir": settings.data_dir.absolute()})
        self._voices = voices
        once = ["scheduler", "notifier", "recorder"]
        self._roles = ["matcher"] * matchers + ["sender"] * senders + once
        self._cleanup = ExitStack()
        self._broker: BrokerService | None = None
        self._agents: list[AgentProcess] = []
        self._supervisor: Supervisor
        self._api: ApiService
        self._pages: web.AppRunner
        self.api_port = 0

    def __enter__(self) -> Self:
        """Take the directory and the port, start the broker, create the topics and an admin key.

        Raises `OperationError` when any of it cannot be.
        """
        with ExitStack() as stack:
            self._lock = state.take_data_dir(self.settings.data_dir)
            stack.callback(os.close, self._lock)
            key_ids = self._take_keys()
            self._listener = listening(
                self.settings.health_host,
                self.settings.api_port,
                mend="set HOOKLINE_API_PORT to a free port, or 0 for any",
            )
            stack.callback(self._listener.close)
            self.api_port = self._listener.getsockname()[1]
            self._take_public_url()
            if self.settings.bootstrap_servers is None:
                broker = EmbeddedBroker(self.settings.data_dir, show=self._voices.show)
                servers = stack.enter_context(broker).bootstrap_servers
                self._broker = BrokerService(broker, self.settings.data_dir)
                self.settings = self.settings.model_copy(update={"bootstrap_servers": servers})
            create_topics(self.settings)
            if ensure_admin_key(self.settings):
                key_file = self.settings.data_dir / ADMIN_KEY_FILE
                self._voices.tell(f"made an admin key for the HTTP API: {key_file}")
            state.announce(self.settings, self.api_port, key_ids=key_ids)
            stack.callback(state.withdraw, self.settings.data_dir)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop what still runs and give the directory back."""
        self._cleanup.close()

    async def start(self) -> None:
        """Start the agents and serve the pages; they may not be ready yet."""
        self._agents = [self._agent(role, index) for index, role in enumerate(self._roles)]
        services: list[Service] = [*self._agents]
        if self._broker is not None:
            services.append(self._broker)
        self._supervisor = Supervisor(services, self._lock, self._voices.tell)
        self._api = ApiService(self.settings)
        await self._api.start()
        application = web.Application()
        application.add_routes([*up_routes(self.health), *self._api.routes()])
        self._pages = await serve_on(self._listener, application)
        await self._supervisor.start()

    async def stop(self) -> None:
        """Stop API, agents and broker in order."""
        await self._api.close()
        await self._supervisor.stop()
        await self._pages.cleanup()

    async def health(self) -> list[Health]:
        """How each child is now, and the API, which is served by this process itself."""
        found = await health_of(self._agents, [*map(self._supervisor.restarts, self._agents)])
        conditions = dict(self._api.conditions())
        is_ready = all(conditions.values())
        found.append(Health("api", is_ready, os.getpid(), restarts=0, conditions=conditions))
        if self._broker is not None:
            found.append(
                Health(
                    ROLE,
                    ready=self._broker.alive,
                    pid=self._broker.pid,
                    restarts=self._supervisor.restarts(self._broker),
                    conditions={"running": self._broker.alive},
                )
            )
        return found

    async def until_ready(self, timeout_s: float) -> Sequence[Health]:
        """Wait until every child is ready; what is not by then is returned."""
        deadline_s = time.monotonic() + timeout_s
        while waiting := [child for child in await self.health() if not child.ready]:
            if time.monotonic() > deadline_s:
                break
            await asyncio.sleep(_POLL_S)
        return waiting

    def _take_keys(self) -> list[str] | None:
        """Have keys for secrets; their ids when they are the data directory's own."""
        if self.settings.secret_keys:
            return None
        self.settings = with_own_keys(self.settings)
        return [key.id for key in parse_keys(self.settings.secret_keys)]

    def _take_public_url(self) -> None:
        """Resource links lead here, unless it was said where customers reach the API."""
        if "public_url" not in self.settings.model_fields_set:
            here = f"http://127.0.0.1:{self.api_port}"
            self.settings = self.settings.model_copy(update={"public_url": here})

    def _agent(self, role: str, index: int) -> AgentProcess:
        first = self._roles.index(role)
        is_alone = self._roles.count(role) == 1
        name = role if is_alone else f"{role}-{index - first + 1}"
        base = self.settings.health_port
        changes: dict[str, object] = {"health_port": base and base + index}
        if role not in _NEED_KEYS:
            changes["secret_keys"] = ""
        if role != "notifier":
            changes |= dict.fromkeys(_PASSWORDS, "")
        settings = self.settings.model_copy(update=changes)
        return AgentProcess(role, name, settings, os.environ, self._voices.say)
