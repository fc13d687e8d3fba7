"""The addresses of sources as the API serves them, without a broker: what is written is kept."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agents.api.handling import Handling
from agents.api.inbound_taking import InboundTaking
from pipeline.sealing import sealed_like
from pipeline.secret_keys import written
from pipeline.settings import Settings
from pipeline.source_tokens import hash_of
from schemas.codec import decode
from schemas.event import Event, read_event
from schemas.inbound import Inbound
from schemas.source import Source
from schemas.topics import ACTIVITIES, INBOUND
from tests.support.api_services import Publisher
from tests.support.builders import NOW_MS, a_source, an_account
from tests.support.commands import NEW
from tests.support.configs import configs_of

PUBLIC_URL = "https://hooks.example.com"
TOKEN = "web-form-token-of-the-tests"


@dataclass
class Intake:
    """A served intake: a client, and what was written."""

    client: TestClient
    publisher: Publisher

    async def send(
        self, data: Any = None, token: str = TOKEN, method: str = "POST", query: str = "", **headers
    ) -> tuple[int, dict[str, Any]]:
        """A request to a source's address: the status, and the JSON answered."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = BytesIO(data) if isinstance(data, bytes) else data
        path = f"/in/{token}{query}"
        async with self.client.request(method, path, data=sent, headers=named) as answer:
            return answer.status, await answer.json()

    async def send_raw(self, data: bytes) -> bytes:
        """Bytes on a connection of their own; the head of what comes back."""
        server = self.client.server
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(data)
        try:
            return await reader.readuntil(b"\r\n\r\n")
        finally:
            writer.close()

    @property
    def events(self) -> list[Event]:
        """The events that were written."""
        records = self.publisher.records
        return [read_event(it.value) for it in records if it.topic == ACTIVITIES]

    @property
    def records(self) -> list[Inbound]:
        """The requests that were written."""
        return [decode(Inbound, it.value) for it in self.publisher.records if it.topic == INBOUND]


def a_served_source(token: str = TOKEN, **fields: Any) -> Source:
    """A source at an address, its secrets sealed."""
    source = a_source(**{"token_hash": hash_of(token), "region": "US", **fields})
    numbers = itertools.count()
    return sealed_like(source, None, (NEW,), lambda: next(numbers).to_bytes(12, "big"))


@asynccontextmanager
async def an_intake(*sources: Source) -> AsyncIterator[Intake]:
    """The addresses of these sources."""
    publisher = Publisher()
    services = SimpleNamespace(
        settings=Settings(public_url=PUBLIC_URL, secret_keys=written(NEW)),
        view=SimpleNamespace(configs=configs_of(an_account(), *sources)),
        clock=lambda: NOW_MS,
        publisher=publisher,
    )
    application = web.Application()
    application.add_routes(InboundTaking(services, Handling(services)).routes())
    async with TestClient(TestServer(application)) as client:
        yield Intake(client, publisher)
