"""Requests to the addresses of sources, over real HTTP: taken in, or refused with a reason."""

import asyncio
import base64
import gzip
import hashlib
import hmac
import json

import pytest

from agents.api import inbound_limits, inbound_reading
from agents.api.handling import PROBLEM_JSON
from pipeline.requests import MASK
from schemas.inbound import BODY_BYTES_CUT
from tests.support.intakes import TOKEN, a_served_source, an_intake

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
GOOD = json.dumps({"phone": "(720) 555-0123"}).encode()
MIB = 1024 * 1024
WAIT_S = 20


def body_of(record):
    return base64.b64decode(record.body)


async def test_a_form_with_foreign_names_becomes_an_activity_with_its_two_events():
    async with an_intake(a_served_source()) as intake:
        status, answer = await intake.send(GOOD, Content_Type=JSON)
        assert (status, answer["status"], answer["warnings"]) == (200, "success", [])
        assert [event.phase for event in intake.events] == ["form", "end"]
        assert {event.activity["caller_number"] for event in intake.events} == {"+17205550123"}
        assert answer["event_ids"] == [event.event_id for event in intake.events]
        assert {event.activity_id for event in intake.events} == {answer["activity_id"]}
        (record,) = intake.records
        assert (record.outcome, record.reason) == ("accepted", "")
        assert (record.activity_id, list(record.event_ids)) == (
            answer["activity_id"],
            answer["event_ids"],
        )
        assert (body_of(record), record.inbound_id) == (GOOD, answer["inbound_id"])


async def test_what_is_sent_again_is_the_same_events_and_each_request_is_on_record():
    async with an_intake(a_served_source()) as intake:
        first, again = [await intake.send(GOOD, Content_Type=JSON) for _ in range(2)]
        assert first[1]["event_ids"] == again[1]["event_ids"]
        named = [await intake.send(GOOD, Idempotency_Key=each) for each in ("a", "b", "a")]
        ids = [answer["activity_id"] for _, answer in named]
        assert ids[0] == ids[2] != ids[1]
        assert len({record.inbound_id for record in intake.records}) == 5


@pytest.mark.parametrize(
    ("sent", "headers"),
    [
        (b"phone=%28720%29+555-0123", {"Content_Type": FORM}),
        ({"phone": "(720) 555-0123"}, {}),
        (b'{"call": {"phone": "(720) 555-0123"}}', {"Content_Type": JSON}),
        (gzip.compress(GOOD), {"Content_Type": JSON, "Content_Encoding": "gzip"}),
    ],
    ids=["form", "encoded by the client", "wrapped", "compressed"],
)
async def test_it_is_taken_however_it_is_written(sent, headers):
    async with an_intake(a_served_source()) as intake:
        status, answer = await intake.send(sent, **headers)
        assert status == 200, answer
        assert intake.events[0].activity["caller_number"] == "+17205550123"


async def test_who_can_only_open_an_address_may_send_a_query():
    async with an_intake(a_served_source()) as intake:
        status, _ = await intake.send(method="GET", query="?phone=720-555-0123")
        assert (status, intake.records[0].method) == (200, "GET")
        assert intake.records[0].query == "phone=720-555-0123"


async def test_an_unknown_address_is_not_found_and_nothing_is_kept():
    async with an_intake(a_served_source()) as intake:
        for token in ("nobody", "x" * 3_000, "%00", "..%2F..%2Fmetrics"):
            status, answer = await intake.send(GOOD, token=token)
            assert (status, answer["type"]) == (404, "/docs#not_found")
        assert intake.publisher.records == []


async def test_other_methods_are_told_which_there_are():
    async with an_intake(a_served_source()) as intake:
        async with intake.client.put(f"/in/{TOKEN}", data=GOOD) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")
            assert answer.content_type == PROBLEM_JSON
        assert intake.publisher.records == []


async def test_a_disabled_source_takes_nothing_in_and_keeps_what_came():
    async with an_intake(a_served_source(enabled=False)) as intake:
        assert (await intake.send(GOOD))[0] == 403
        (record,) = intake.records
        assert (record.outcome, record.reason, body_of(record)) == ("rejected", "disabled", GOOD)
        assert intake.events == []


async def test_what_cannot_be_mapped_is_refused_by_field_and_kept_whole():
    async with an_intake(a_served_source()) as intake:
        status, answer = await intake.send(b'{"phone": "tomorrow"}', Content_Type=JSON)
        assert (status, [it["field"] for it in answer["errors"]]) == (422, ["caller_number"])
        (record,) = intake.records
        assert (record.reason, record.cut) == ("invalid", False)
        assert [it.field for it in record.faults] == ["caller_number"]
        assert body_of(record) == b'{"phone": "tomorrow"}'


async def test_a_signature_is_asked_for_and_what_has_none_is_kept_without_its_keys():
    github = {"type": "github", "secrets": ["hunter2"]}
    async with an_intake(a_served_source(verification=github)) as intake:
        made = hmac.new(b"hunter2", GOOD, hashlib.sha256).hexdigest()
        signed = await intake.send(GOOD, X_Hub_Signature_256=f"sha256={made}")
        assert signed[0] == 200, signed
        status, answer = await intake.send(GOOD + b" ", X_Hub_Signature_256=f"sha256={made}")
        assert (status, answer.get("type")) == (401, "/docs#unauthorized")
        assert (await intake.send(GOOD))[0] == 401
        assert [it.reason for it in intake.records] == ["", "unverified", "unverified"]
    basic = {"type": "basic", "username": "zapier", "password": "hunter2"}
    async with an_intake(a_served_source(verification=basic)) as intake:
        given = base64.b64encode(b"zapier:hunter2").decode()
        assert (await intake.send(GOOD, Authorization=f"Basic {given}"))[0] == 200
        assert dict(intake.records[0].headers)["authorization"] == MASK


async def test_twilio_signs_the_address_that_customers_know():
    twilio = {"type": "twilio", "secrets": ["hunter2"]}
    async with an_intake(a_served_source(verification=twilio)) as intake:
        text = f"https://hooks.example.com/in/{TOKEN}?a=1phone720-555-0123".encode()
        made = base64.b64encode(hmac.digest(b"hunter2", text, hashlib.sha1)).decode()
        status, answer = await intake.send(
            b"phone=720-555-0123", query="?a=1", Content_Type=FORM, X_Twilio_Signature=made
        )
        assert status == 200, answer


async def test_without_kafka_the_sender_is_told_to_come_again():
    async with an_intake(a_served_source()) as intake:
        intake.publisher.is_away = True
        async with intake.client.post(f"/in/{TOKEN}", data=GOOD) as answer:
            assert (answer.status, "Retry-After" in answer.headers) == (503, True)
        async with intake.client.post(f"/in/{TOKEN}", data=b"{") as answer:
            assert answer.status == 503


DEEP = b'{"a":' * 100_000
LAUGHS = b"<?xml version='1.0'?><!DOCTYPE z [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><z>&b;</z>"
RUBBISH = {
    "ten mebibytes": (b"x" * (10 * MIB), {}, 413, "too_large"),
    "a gzip bomb": (
        gzip.compress(b" " * (64 * MIB)),
        {"Content_Encoding": "gzip"},
        413,
        "too_large",
    ),
    "deep nesting": (DEEP, {"Content_Type": JSON}, 400, "unreadable"),
    "deep brackets": (b"a" + b"[b]" * 5_000 + b"=1", {"Content_Type": FORM}, 400, "unreadable"),
    "a key twice": (b'{"phone":"1","phone":"2"}', {"Content_Type": JSON}, 400, "unreadable"),
    "no UTF-8": (b'{"phone":"\xff\xfe"}', {"Content_Type": JSON}, 400, "unreadable"),
    "half a document": (b'{"phone":', {"Content_Type": JSON}, 400, "unreadable"),
    "many fields": (
        b"&".join(b"f%d=" % n for n in range(90_000)),
        {"Content_Type": FORM},
        400,
        "unreadable",
    ),
    "many values": (
        b'{"a":[' + b"1," * 200_000 + b"1]}",
        {"Content_Type": JSON},
        400,
        "unreadable",
    ),
    "many parts": (
        b"--x\r\n\r\n" * 50_000,
        {"Content_Type": "multipart/form-data; boundary=x"},
        400,
        "unreadable",
    ),
    "entities": (LAUGHS, {"Content_Type": "text/xml"}, 400, "unreadable"),
    "no gzip": (b"nonsense", {"Content_Encoding": "gzip"}, 400, "unreadable"),
    "nothing": (b"", {}, 400, "unreadable"),
    "a number": (b"7", {"Content_Type": JSON}, 400, "unreadable"),
    "a huge number": (
        b'{"phone":' + b"9" * 100_000 + b"}",
        {"Content_Type": JSON},
        400,
        "unreadable",
    ),
}


@pytest.mark.parametrize("name", RUBBISH)
async def test_rubbish_is_refused_with_a_reason_and_the_next_form_is_taken(name):
    sent, headers, expected, reason = RUBBISH[name]
    async with an_intake(a_served_source()) as intake:
        status, answer = await intake.send(sent, **headers)
        assert (status, answer["status"]) == (expected, expected), answer
        (record,) = intake.records
        assert (record.outcome, record.reason) == ("rejected", reason)
        assert all(it.message for it in record.faults)
        assert len(body_of(record)) <= (BODY_BYTES_CUT if reason == "too_large" else MIB)
        assert (await intake.send(GOOD))[0] == 200


async def test_a_body_that_tells_no_length_is_cut_off_at_the_same_bound():
    async def endless():
        while True:
            yield b"x" * 65_536

    async with an_intake(a_served_source()) as intake:
        status, _ = await intake.send(endless())
        assert status == 413
        assert (intake.records[0].cut, len(body_of(intake.records[0]))) == (True, BODY_BYTES_CUT)


async def test_the_rest_of_a_compressed_body_is_not_even_decompressed():
    bomb = gzip.compress(b" " * (64 * MIB))
    head = f"Host: x\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    async with an_intake(a_served_source()) as intake:
        for token, status in ((TOKEN, b"413"), ("nobody", b"404")):
            answer = await intake.send_raw(f"POST /in/{token} HTTP/1.1\r\n".encode() + head + bomb)
            assert answer.split(b" ")[1] == status
            assert b"connection: close" in answer.lower()
        assert (await intake.send(GOOD))[0] == 200


async def test_a_slow_sender_is_answered_in_time_and_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(inbound_reading, "REQUEST_S_MAX", 0.3)
    begun = f"POST /in/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode() + b"{"
    async with an_intake(a_served_source()) as intake:
        slow = [asyncio.create_task(intake.send_raw(begun)) for _ in range(5)]
        assert (await intake.send(GOOD))[0] == 200
        heads = await asyncio.gather(*slow)
        assert {head.split(b" ")[1] for head in heads} == {b"408"}
        reasons = [record.reason for record in intake.records]
        assert sorted(reasons) == ["", *["too_slow"] * 5]
        assert all(body_of(it) == b"{" for it in intake.records if it.reason)


async def test_a_source_has_a_rate_of_its_own():
    theirs = a_served_source("another-source-of-the-tests", id="other")
    async with an_intake(a_served_source(per_second=1), theirs) as intake:
        statuses = [(await intake.send(GOOD))[0] for _ in range(4)]
        assert statuses == [200, 200, 429, 429]
        assert (await intake.send(GOOD, token="another-source-of-the-tests"))[0] == 200
        assert len(intake.records) == 3


async def until(intake, status):
    """Send until that is the answer."""
    async with asyncio.timeout(WAIT_S):
        while (await intake.send(GOOD))[0] != status:
            pass


async def test_slow_senders_take_no_more_than_the_places_of_their_source(monkeypatch):
    monkeypatch.setattr(inbound_limits, "UNDER_WAY_MAX", 2)
    begun = f"POST /in/{TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode()
    other = a_served_source("another-source-of-the-tests", id="other")
    async with an_intake(a_served_source(), other) as intake:
        server = intake.client.server
        held = [await asyncio.open_connection(server.host, server.port) for _ in range(2)]
        for _, writer in held:
            writer.write(begun)
        await until(intake, 429)
        assert (await intake.send(GOOD, token="another-source-of-the-tests"))[0] == 200
        for _, writer in held:
            writer.close()
        await until(intake, 200)


async def test_bodies_under_way_have_a_bound_for_all_sources_together(monkeypatch):
    monkeypatch.setattr(inbound_limits, "BODIES_BYTES_MAX", 1_000)
    async with an_intake(a_served_source()) as intake:
        assert (await intake.send(b"x" * 2_000))[0] == 503
        assert (await intake.send(GOOD))[0] == 200


async def test_the_token_stands_in_no_log_and_in_no_record(capsys):
    async with an_intake(a_served_source()) as intake:
        await intake.send(GOOD, query="?x=1")
        await intake.send(b"{", Content_Type=JSON)
        written = [it.value.decode() for it in intake.publisher.records]
    said = capsys.readouterr()
    assert not any(TOKEN in text for text in (*written, said.out, said.err))
