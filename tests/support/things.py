"""An API with operations of the tests' own, and no broker."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from io import BytesIO
from types import SimpleNamespace

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import Field, RootModel

from agents.api.handling import Handling
from agents.api.minting import minted
from agents.api.models.base import Answer, Body, Query
from agents.api.operation import Operation, Reply, etag
from agents.api.routing import routes_of
from pipeline.configs import Configs
from pipeline.settings import Settings
from tests.support.builders import an_account
from tests.support.configs import configs_of

ADMIN = minted(None, "ops")
OWNER = minted(25, "owner")
INGESTER = minted(25, "phones", ["ingest"])
OTHER = minted(26, "other")


class Thing(Body):
    name: str = Field(max_length=5)
    count: int = 1


class Asking(Query):
    limit: int = Field(5, ge=1, le=10)


class Answered(Answer):
    name: str
    seen: int


class Things:
    """What the operations do: they count, and fail when they are told to."""

    def __init__(self) -> None:
        self.made = 0
        self.error: Exception | None = None
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def make(self, call) -> Reply:
        if self.error is not None:
            raise self.error
        await self.may_end.wait()
        self.made += 1
        return Reply(Answered(name=call.body.name, seen=self.made), headers=etag(self.made))

    async def read(self, call) -> Reply:
        return Reply(Answered(name=call.path["id"], seen=call.query.limit))

    async def replace(self, call) -> Reply:
        return Reply(Answered(name="replaced", seen=call.if_match or 0))

    async def ingest(self, call) -> Reply:
        return Reply(Answered(name="ingested", seen=len(call.body.root)))

    async def remove(self, _call) -> Reply:
        return Reply()

    def operations(self) -> tuple[Operation, ...]:
        things = "/api/v1/accounts/{account}/things"
        about = {"summary": "Do it", "tag": "Things", "answer": Answered}
        return (
            Operation("POST", things, self.make, scope="write", body=Thing, status=201, **about),
            Operation("GET", f"{things}/{{id}}", self.read, scope="read", query=Asking, **about),
            Operation(
                "PUT", f"{things}/{{id}}", self.replace, scope="write", has_json_path=True, **about
            ),
            Operation(
                "POST",
                f"{things}/many",
                self.ingest,
                scope="ingest",
                body=RootModel[list[int]],
                **about,
            ),
            Operation("DELETE", "/api/v1/things/{id}", self.remove, "Do", "T", "admin", status=204),
        )


def configs() -> Configs:
    keys = [it.record for it in (ADMIN, OWNER, INGESTER, OTHER)]
    return configs_of(an_account(), an_account(id=26), *keys)


@asynccontextmanager
async def serving(things: Things, rate: int = 1_000):
    services = SimpleNamespace(
        settings=Settings(api_rate_max=rate),
        view=SimpleNamespace(configs=configs()),
        clock=lambda: 1_000,
    )
    application = web.Application()
    application.add_routes(routes_of(things.operations(), Handling(services)))
    async with TestClient(TestServer(application)) as client:
        yield client


async def asked(client, method, path, key=OWNER, *, data=None, **headers):
    """Status, headers and JSON of the answer."""
    given = {"Content-Type": "application/json"} if data is not None else {}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        given["Authorization"] = f"Bearer {key.token}"
    sent = data and BytesIO(data)
    async with client.request(method, f"/api/v1/{path}", data=sent, headers=given) as answer:
        text = await answer.text()
        return answer.status, answer.headers, json.loads(text) if text else None


async def status_of(*of, **how) -> int:
    return (await asked(*of, **how))[0]
