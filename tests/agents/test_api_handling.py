"""The way of a request through the API, with operations of the test's own and no broker."""

import asyncio
import gzip
import json

import pytest

from agents.api.limits import BODY_BYTES_MAX, INGEST_BYTES_MAX
from agents.api.problems import unavailable
from agents.history.reading import SearchTooLongError
from pipeline.timeseries import HistoryAwayError
from tests.support.things import ADMIN, INGESTER, OTHER, OWNER, Things, asked, serving, status_of

THINGS = "accounts/25/things"


async def test_an_operation_gets_what_was_asked_as_values_of_its_models():
    async with serving(Things()) as client:
        status, headers, body = await asked(client, "POST", THINGS, data=b'{"name": "a"}')
        assert (status, body) == (201, {"name": "a", "seen": 1})
        assert headers["ETag"] == '"1"'
        assert headers["X-Request-Id"].startswith("rq_")
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"

        _, _, body = await asked(client, "GET", f"{THINGS}/x?limit=7")
        assert body == {"name": "x", "seen": 7}


async def test_all_faults_are_told_at_once_by_field():
    async with serving(Things()) as client:
        status, headers, body = await asked(
            client, "POST", THINGS, data=b'{"name": "longer", "count": "2", "more": 1}'
        )

    assert (status, headers["Content-Type"]) == (422, "application/problem+json")
    assert {it["field"] for it in body["errors"]} == {"name", "count", "more"}
    assert body["status"] == 422
    assert body["type"] == "/docs#invalid"
    assert body["request_id"] == headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"\xff", {}, 400),
        (b"[]", {}, 422),
        (b"", {}, 422),
        (b'{"name": "a"}', {"Content_Type": "text/plain"}, 415),
        (b'{"name": "a"}', {"Content_Type": "application/vnd.x+json; charset=utf-8"}, 201),
        (b'{"name": "a"}', {"If_Match": "three"}, 400),
        (b'{"name": "a"}', {"Idempotency_Key": "a b"}, 400),
        (b"not gzip", {"Content_Encoding": "gzip"}, 400),
        (b" " * (BODY_BYTES_MAX + 1), {}, 413),
    ],
)
async def test_what_cannot_be_read_is_a_problem_of_its_kind(data, headers, status):
    things = Things()
    async with serving(things) as client:
        assert await status_of(client, "POST", THINGS, data=data, **headers) == status

    assert things.made == (status == 201)


async def test_a_body_that_grows_too_large_when_unpacked_is_refused():
    bomb = gzip.compress(b" " * (BODY_BYTES_MAX + 1))
    async with serving(Things()) as client:
        status = await status_of(client, "POST", THINGS, data=bomb, Content_Encoding="gzip")

    assert status == 413


async def test_a_batch_may_be_larger_than_other_bodies():
    padded = b"[1]" + b" " * BODY_BYTES_MAX
    async with serving(Things()) as client:
        assert await status_of(client, "POST", f"{THINGS}/many", data=padded) == 200
        beyond = b" " * (INGEST_BYTES_MAX + 1)
        assert await status_of(client, "POST", f"{THINGS}/many", data=beyond) == 413


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "more=1", "limit=1&limit=2"])
async def test_a_query_is_read_as_strictly_as_a_body(query):
    async with serving(Things()) as client:
        status, _, body = await asked(client, "GET", f"{THINGS}/x?{query}")

    assert status == 400
    assert body["errors"][0]["field"] in query


async def test_an_operation_without_a_query_takes_none():
    async with serving(Things()) as client:
        assert await status_of(client, "DELETE", "things/x?force=1", ADMIN) == 400
        assert await status_of(client, "DELETE", "things/x", ADMIN) == 204


async def test_a_version_is_taken_with_or_without_quotes():
    async with serving(Things()) as client:
        for given, expected in {'"3"': 3, "3": 3, 'W/"3"': 3, "*": 0}.items():
            _, _, body = await asked(client, "PUT", f"{THINGS}/x", If_Match=given)
            assert body["seen"] == expected


async def test_a_path_may_end_in_json_where_an_operation_says_so():
    async with serving(Things()) as client:
        assert await status_of(client, "PUT", f"{THINGS}/x.json") == 200
        assert await status_of(client, "POST", f"{THINGS}.json", data=b"{}") == 404


async def test_who_may_not_is_told_so_and_another_account_does_not_exist():
    things = Things()
    body = b'{"name": "a"}'
    async with serving(things) as client:
        assert await status_of(client, "POST", THINGS, None, data=body) == 401
        assert await status_of(client, "POST", THINGS, INGESTER, data=body) == 403
        assert await status_of(client, "POST", THINGS, OTHER, data=body) == 404
        assert await status_of(client, "GET", f"{THINGS}/x", INGESTER) == 403
        assert await status_of(client, "DELETE", "things/x", OWNER) == 403
        assert things.made == 0
        assert await status_of(client, "POST", THINGS, ADMIN, data=body) == 201


@pytest.mark.parametrize("account", ["27", "025", "٢٥", "-25", "0", "x", "9" * 5_000])
async def test_an_account_that_is_not_there_is_not_found_in_any_spelling(account):
    async with serving(Things()) as client:
        for key in (OWNER, ADMIN):
            assert await status_of(client, "GET", f"accounts/{account}/things/x", key) == 404


async def test_what_is_no_operation_is_a_problem_too():
    async with serving(Things()) as client:
        status, headers, _ = await asked(client, "PATCH", f"{THINGS}/x")
        assert (status, headers["Allow"]) == (405, "GET, PUT")
        status, _, body = await asked(client, "GET", "nothing")
        assert (status, body["type"]) == (404, "/docs#not_found")


async def test_a_key_that_asks_too_often_waits_and_others_do_not():
    async with serving(Things(), rate=1) as client:
        statuses = [await status_of(client, "GET", f"{THINGS}/x") for _ in range(4)]
        assert statuses.count(429) >= 1
        status, headers, _ = await asked(client, "GET", f"{THINGS}/x")
        assert status == 429
        assert int(headers["Retry-After"]) >= 1
        assert await status_of(client, "GET", f"{THINGS}/x", ADMIN) == 200


@pytest.mark.parametrize(
    ("error", "status", "part"),
    [
        (unavailable("kafka", "it is away"), 503, "kafka"),
        (HistoryAwayError("/var/lib/history"), 503, "history"),
        (SearchTooLongError(), 400, "narrow"),
        (RuntimeError("hunter2"), 500, "request id"),
    ],
)
async def test_what_fails_below_names_the_part_and_tells_nothing_else(error, status, part):
    things = Things()
    things.error = error
    async with serving(things) as client:
        found, headers, body = await asked(client, "POST", THINGS, data=b'{"name": "a"}')

    assert (found, status == 503) == (status, "Retry-After" in headers)
    assert part in body["detail"]
    assert not {"hunter2", "/var/lib"} & {*json.dumps(body).split()}


async def test_a_post_that_is_sent_again_is_carried_out_once():
    things = Things()
    async with serving(things) as client:
        how = {"data": b'{"name": "a"}', "Idempotency_Key": "once"}
        first = await asked(client, "POST", THINGS, **how)
        again = await asked(client, "POST", THINGS, **how)
        other = await status_of(client, "POST", THINGS, **{**how, "data": b'{"name": "b"}'})

    assert things.made == 1
    assert (again[0], again[2], again[1]["ETag"]) == (first[0], first[2], first[1]["ETag"])
    assert again[1]["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first[1]
    assert other == 422


async def test_a_post_that_is_still_being_carried_out_is_not_begun_again():
    things = Things()
    things.may_end.clear()
    async with serving(things) as client:
        how = {"data": b'{"name": "a"}', "Idempotency_Key": "once"}
        both = [asyncio.create_task(status_of(client, "POST", THINGS, **how)) for _ in range(2)]
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        assert [it.result() for it in done] == [409]
        things.may_end.set()
        assert sorted(await asyncio.gather(*both)) == [201, 409]


async def test_what_failed_may_be_tried_again_under_the_same_name():
    things = Things()
    things.error = unavailable("kafka", "it is away")
    async with serving(things) as client:
        how = {"data": b'{"name": "a"}', "Idempotency_Key": "once"}
        assert await status_of(client, "POST", THINGS, **how) == 503
        things.error = None
        assert await status_of(client, "POST", THINGS, **how) == 201
