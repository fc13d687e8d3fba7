"""The HTTP API for tests: the real service on a port of loopback, and clients with keys."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from agents.api.admin_key import create_admin_key
from agents.api.service import ApiService
from agents.web import listening, serve_on
from pipeline.settings import Settings
from tests.support.waiting import eventually

READY_S = 30
TIMEOUT_S = 30


@dataclass(frozen=True)
class Answered:
    """What came back; `body` is the JSON in `text`, None when there is none."""

    status: int
    headers: dict[str, str]
    text: str
    body: Any = None

    @property
    def faults(self) -> dict[str, str]:
        """The messages of a problem, by field."""
        return {fault["field"]: fault["message"] for fault in self.body["errors"]}


@dataclass(frozen=True)
class Client:
    """Makes requests below `/api/v1` with a key, or to `root` plus a path where that is another."""

    port: int
    key: str | None = None
    root: str = "/api/v1/"

    def below(self, path: str) -> Client:
        """The same client, whose paths begin further down."""
        return Client(self.port, self.key, f"{self.root}{path}")

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        """One request. `if_match="3"` is the header If-Match; bytes are sent as they are."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            given.setdefault("Authorization", f"Bearer {self.key}")
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            given.setdefault("Content-Type", "application/json")
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, TIMEOUT_S)) as connection:
            connection.request(method, f"{self.root}{path}", data, given)
            response = connection.getresponse()
            text = response.read().decode()
        is_json = "json" in response.headers.get("Content-Type", "")
        value = json.loads(text) if is_json and text else None
        return Answered(response.status, dict(response.headers), text, value)

    def get(self, path: str, **headers: str) -> Answered:
        return self.request("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answered:
        return self.request("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answered:
        return self.request("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Answered:
        return self.request("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Answered:
        return self.request("DELETE", path, **headers)


@dataclass
class Api:
    """A running API."""

    settings: Settings
    service: ApiService
    loop: asyncio.AbstractEventLoop
    port: int
    admin: Client = field(init=False)

    def __post_init__(self) -> None:
        self.admin = Client(self.port)

    def client(self, key: str | None) -> Client:
        """A client with a key of its own."""
        return Client(self.port, key)

    def account(self, account_id: int = 25, **fields: Any) -> Client:
        """A new account, and a client with a key of it that may do everything in it."""
        made = self.admin.post("accounts", {"id": account_id, "name": "Denver Doors", **fields})
        assert made.status == 201, made.text
        scopes = ["read", "write", "ingest"]
        key = self.admin.post(f"accounts/{account_id}/keys", {"name": "All", "scopes": scopes})
        assert key.status == 201, key.text
        return self.client(key.body["key"])

    def knows(self, key: str) -> bool:
        """Whether the API has read the key."""
        return self.client(key).get("phases").status == 200


@contextmanager
def an_api(settings: Settings) -> Iterator[Api]:
    """The API of an installation whose topics are there, with an admin key that it knows."""
    loop = asyncio.new_event_loop()
    made: list[tuple[ApiService, web.AppRunner]] = []
    started, stopping = threading.Event(), asyncio.Event()

    async def serve() -> None:
        service = ApiService(settings)
        application = web.Application()
        application.add_routes(service.routes())
        await service.start()
        runner = await serve_on(listening("127.0.0.1", 0, mend=""), application)
        made.append((service, runner))
        started.set()
        await stopping.wait()
        await runner.cleanup()
        await service.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        assert started.wait(READY_S)
        ((service, runner),) = made
        api = Api(settings, service, loop, runner.addresses[0][1])
        token = create_admin_key(settings, "admin of the tests")
        api.admin = api.client(token)
        eventually(lambda: api.knows(token), READY_S)
        yield api
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(READY_S)
        loop.close()
