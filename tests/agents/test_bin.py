"""The echo receiver: what it answers, keeps and shows."""

import json

import pytest
from aiohttp.test_utils import TestClient, TestServer
from multidict import MultiDict

from agents.bin.page import page, pretty
from agents.bin.server import BODY_BYTES_KEPT, REQUESTS_KEPT, Bin, wish_of


@pytest.fixture
async def client():
    async with TestClient(TestServer(Bin().application())) as client:
        yield client


async def statuses(client, path: str, count: int, **headers: str) -> list[int]:
    found = []
    for _ in range(count):
        async with client.post(path, data=b"{}", headers=headers) as answer:
            found.append(answer.status)
    return found


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
async def test_any_method_and_path_is_answered_and_kept(client, method):
    async with client.request(method, "/some/where?x=1", data=b"body") as answer:
        assert answer.status == 200

    kept = (await (await client.get("/requests.json")).json())["requests"]
    assert [(it["method"], it["path"], it["body"]) for it in kept] == [
        (method, "/some/where?x=1", "body")
    ]


async def test_it_answers_what_is_asked_for(client):
    assert await statuses(client, "/a?status=410", 2) == [410, 410]


async def test_each_delivery_fails_as_often_as_is_asked_for(client):
    assert await statuses(client, "/a?fail=2", 4, **{"webhook-id": "dl_1"}) == [503, 503, 200, 200]
    assert await statuses(client, "/a?fail=1", 2, **{"webhook-id": "dl_2"}) == [503, 200]


async def test_a_wish_that_cannot_be_is_named(client):
    async with client.post("/a?delay=soon") as answer:
        assert answer.status == 400
        assert "delay must be a number" in await answer.text()


def test_a_delay_is_bounded():
    with pytest.raises(ValueError, match="delay must be between 0 and 60"):
        wish_of(MultiDict({"delay": "61"}))


async def test_only_the_last_requests_and_the_beginning_of_a_body_are_kept():
    received = Bin()
    async with TestClient(TestServer(received.application())) as client:
        await client.post("/long", data=b"x" * (BODY_BYTES_KEPT + 1))
        assert received.arrivals[0].body_bytes == BODY_BYTES_KEPT + 1
        assert len(received.arrivals[0].body) == BODY_BYTES_KEPT
        await statuses(client, "/a", REQUESTS_KEPT)

    assert received.count == REQUESTS_KEPT + 1
    assert len(received.arrivals) == REQUESTS_KEPT
    assert received.arrivals[0].path == "/a"


async def test_the_page_escapes_whatever_came(client):
    await client.post("/<b>?q=<i>", data=json.dumps({"x": "<script>"}), headers={"X-Y": "<u>"})

    text = await (await client.get("/")).text()

    assert "&lt;script&gt;" in text
    assert not any(tag in text for tag in ("<script>", "<b>", "<i>", "<u>"))


def test_an_empty_page_says_so():
    assert "Nothing yet" in page([], 0)


def test_json_is_laid_out_and_anything_else_left_alone():
    assert pretty('{"a":[1]}') == '{\n  "a": [\n    1\n  ]\n}'
    assert pretty("a=1&b=2") == "a=1&b=2"
