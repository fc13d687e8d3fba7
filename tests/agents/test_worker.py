"""The worker between its lists: what it makes of jobs when partitions go, and when jobs overlap."""

from __future__ import annotations

import asyncio
import base64
import time
from types import SimpleNamespace

import pytest

from agents.sender.attempting import Attempter
from agents.sender.consumer import Fetched
from agents.sender.opener import SecretOpener
from agents.sender.preparer import Preparer
from agents.sender.worker import Worker
from agents.sender.writer import UnwritableError
from pipeline.assignments import Place
from pipeline.configs import Configs
from pipeline.outcomes import Answered, Exchange
from pipeline.requests import Request, as_recorded
from pipeline.sealing import sealed_like
from pipeline.secret_keys import SecretKey
from pipeline.suppression import Noted
from pipeline.timeseries import NoHistory
from schemas.attempt import Response, Timings
from schemas.codec import encode
from schemas.config import key_of
from schemas.topics import JOBS, JOBS_RETRY
from tests.support.builders import a_job, a_webhook, an_account

FIRST, SECOND = 1, 2  # epochs
KEY, LOST = SecretKey("k", b"k" * 32), SecretKey("lost", b"l" * 32)


class Outside:
    """What a worker deals with: each request and each write waits until it is let through."""

    def __init__(self):
        self.configs = Configs()
        for offset, record in enumerate((an_account(), a_webhook())):
            self.configs.apply(str(key_of(record)).encode(), encode(record), offset)
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
        key, value = str(key_of(webhook)).encode(), encode(webhook)
        self.configs.apply(key, value, self.configs.offset + 1)

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


@pytest.fixture
async def outside():
    return Outside()


async def test_a_job_is_closed_with_its_attempt_when_that_is_on_record(outside):
    outside.may_write.clear()
    outside.read()
    await turned()
    outside.requests[0].set_result(200)
    await turned()
    assert (len(outside.settlements), outside.completed) == (1, [])
    outside.may_write.set()
    await turned()
    assert outside.closed == [(7, 41)]


async def test_a_repeat_is_closed_at_once_without_an_attempt(outside):
    outside.read(7)
    outside.read(8)
    await turned()
    assert (len(outside.requests), outside.closed) == (1, [(8, None)])


async def test_what_was_read_back_is_not_sent_again(outside):
    outside.worker.on_read_back((Noted(a_job().delivery_id, 1, 0, "retry"),))
    outside.read(7)
    outside.read(8, attempt=2)
    await turned()
    assert (len(outside.requests), outside.closed) == (1, [(7, None)])


async def test_a_job_that_overtakes_the_one_before_it_is_put_off(outside):
    outside.read(7)
    outside.read(3, topic=JOBS_RETRY, attempt=2)
    await turned()
    assert len(outside.requests) == 1
    (settlement,) = outside.settlements
    assert (settlement.attempt.outcome, settlement.attempt.reason) == (
        *("deferred", "delivery_under_way"),
    )
    assert (settlement.parked.job.attempt, settlement.parked.job.deferrals) == (2, 1)
    assert outside.closed == [(3, 41)]


async def test_a_job_whose_partition_went_and_came_back_is_made_again_not_dropped(outside):
    """The old copy may never be recorded: to close the new one because of it would lose both."""
    released = []
    outside.read(7)
    await turned()
    outside.worker.on_revoked(frozenset({FIRST}), lambda: released.append(True))
    outside.worker.on_lost(frozenset({FIRST}))
    outside.read(7, epoch=SECOND)
    await turned()
    assert (len(outside.requests), outside.closed, released) == (2, [], [])
    for request in outside.requests:
        request.set_result(500)
    await turned()
    assert released == [True]
    assert [place.epoch for place, _ in outside.completed] == [SECOND]


async def test_while_a_partition_is_handed_over_what_is_in_flight_is_decided_as_always(outside):
    """Its job is committed with it: were it only recorded as late, nobody would decide on it."""
    released = []
    outside.read(7)
    await turned()
    outside.worker.on_revoked(frozenset({FIRST}), lambda: released.append(True))
    outside.requests[0].set_result(500)
    await turned()
    (settlement,) = outside.settlements
    assert (settlement.attempt.next.step, settlement.parked.job.attempt) == ("retry", 2)
    assert (outside.closed, released) == ([(7, 41)], [True])


@pytest.mark.parametrize(("status", "step"), [(500, "late"), (410, "late"), (200, "end")])
async def test_a_result_after_the_partition_was_lost_is_recorded_and_nothing_follows(
    outside, status, step
):
    outside.read(7)
    await turned()
    outside.worker.on_lost(frozenset({FIRST}))
    outside.requests[0].set_result(status)
    await turned()
    (settlement,) = outside.settlements
    assert (settlement.attempt.next.step, settlement.attempt.response.status) == (step, status)
    assert settlement.attempt.detail.endswith("its partition had gone to another sender by then")
    assert (settlement.parked, settlement.failures) == (None, ())
    assert outside.closed == ([(7, 41)] if step == "end" else [])


async def test_in_doubt_about_its_partitions_a_sender_begins_nothing_and_decides_nothing(outside):
    outside.read(7)
    await turned()
    outside.is_certain = False
    outside.requests[0].set_result(500)
    outside.read(8, delivery_id="dl_2")
    await turned()
    assert (len(outside.requests), outside.settlements) == (1, [])
    outside.worker.on_lost(frozenset({FIRST}))
    outside.is_certain = True
    await eventually_async(lambda: outside.settlements)
    outside.read(9, delivery_id="dl_3", epoch=SECOND)
    await turned()
    assert outside.settlements[0].attempt.next.step == "late"
    assert [it.headers[1][1] for it in outside.sent] == [a_job().delivery_id, "dl_3"]


async def test_jobs_that_came_in_doubt_are_taken_in_when_it_has_ended(outside):
    outside.is_certain = False
    outside.read(7)
    await turned()
    assert outside.requests == []
    outside.is_certain = True
    outside.read(8, delivery_id="dl_2")
    await turned()
    assert len(outside.requests) == 2


async def test_a_job_on_which_our_code_fails_is_put_off_twice_and_then_buried(outside, monkeypatch):
    def broken(*_args, **_options):
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr("agents.sender.preparer.request_for", broken)
    for faults in range(3):
        outside.read(7 + faults, faults=faults, deferrals=faults)
        await turned()
    first, second, third = outside.settlements
    for number, settlement in enumerate((first, second), start=1):
        assert (settlement.attempt.outcome, settlement.attempt.reason) == (
            *("deferred", "internal_fault"),
        )
        assert settlement.attempt.detail == "ZeroDivisionError: a bug of ours"
        assert settlement.parked.job.faults == number
    assert (third.attempt.outcome, third.attempt.next.step) == ("failed", "end")
    assert [failure.stage for failure in third.failures] == ["first", "final"]
    ((buried, fault),) = outside.buried
    assert buried.place.offset == 9
    assert fault.startswith("Traceback")
    assert "in broken" in fault
    assert outside.closed == [(7, 41), (8, 42), (9, 43)]


async def test_the_third_request_on_which_our_code_fails_ends_the_delivery(outside):
    for faults in range(3):
        outside.read(7 + faults, faults=faults, attempt=1 + faults)
        await turned()
        outside.requests[-1].set_exception(ZeroDivisionError("a bug of ours"))
        await turned()
    assert [it.attempt.reason for it in outside.settlements] == ["internal"] * 3
    assert [it.attempt.next.step for it in outside.settlements] == ["retry", "retry", "end"]
    assert [it.parked.job.faults for it in outside.settlements[:2]] == [1, 2]
    assert "ZeroDivisionError: a bug of ours" in outside.buried[0][1]


async def test_a_fault_in_deciding_leaves_the_place_free_and_the_process_alive(
    outside, monkeypatch
):
    def broken(*_args, **_options):
        raise ZeroDivisionError("a bug of ours")

    outside.configure(a_webhook(concurrency_max=1))
    monkeypatch.setattr("pipeline.sending.next_step", broken)
    for number in range(2):
        outside.read(number, delivery_id=f"dl_{number}", config_offset=2)
    await turned()
    outside.requests[0].set_result(500)
    await turned()
    assert [it.attempt.reason for it in outside.settlements] == ["internal_fault"]
    assert len(outside.requests) == 2


async def test_a_record_too_large_to_be_written_ends_the_delivery_and_not_the_process(outside):
    outside.too_large = True
    outside.read(7)
    await turned()
    outside.requests[0].set_result(500)
    await turned()
    (settlement,) = outside.settlements
    assert (settlement.attempt.reason, settlement.attempt.next.step) == ("internal_fault", "end")
    assert settlement.attempt.detail == "a record of 9 bytes is too large for retry.5s"
    assert [place.offset for place, _ in ((it.place, fault) for it, fault in outside.buried)] == [7]
    assert outside.closed == [(7, 41)]


async def test_a_delivery_whose_very_end_cannot_be_written_is_closed_after_its_dead_letter(outside):
    outside.too_large = outside.all_too_large = True
    outside.read(7)
    await turned()
    outside.requests[0].set_result(500)
    await turned()
    assert (len(outside.buried), outside.closed) == (1, [(7, None)])


async def test_a_waiting_job_whose_partition_went_is_not_started(outside):
    for number in range(6):
        outside.read(number, delivery_id=f"dl_{number}")
    await turned()
    assert len(outside.requests) == 4
    outside.worker.on_revoked(frozenset({FIRST}), lambda: None)
    outside.requests[0].set_result(200)
    await turned()
    assert len(outside.requests) == 4


async def test_a_job_whose_partition_went_while_it_waited_for_configuration_is_not_started(outside):
    released = []
    outside.read(7, config_offset=99)
    await turned()
    outside.worker.on_revoked(frozenset({FIRST}), lambda: released.append(True))
    outside.is_configured.set()
    await turned()
    assert (outside.requests, outside.settlements, outside.completed) == ([], [], [])
    assert released == [True]


async def test_a_retry_sends_the_body_that_the_first_attempt_froze(outside):
    outside.read(7)
    await turned()
    outside.requests[0].set_result(500)
    await turned()
    (settlement,) = outside.settlements
    assert settlement.parked.job.body.text.startswith('{"id":4379952365')
    assert settlement.failures[0].job.body == settlement.parked.job.body


def a_sealed_webhook(key: SecretKey, password="hunter2", **overrides):  # noqa: S107 - a test's
    webhook = a_webhook(basic_auth={"username": "u", "password": password}, **overrides)
    return sealed_like(webhook, None, (key,), lambda: b"n" * 12)


def password_of(request: Request) -> str:
    token = dict(request.headers)["Authorization"].removeprefix("Basic ")
    return base64.b64decode(token).decode().removeprefix("u:")


async def test_a_secret_is_opened_for_the_request_and_only_there(outside):
    outside.configure(a_sealed_webhook(KEY))
    outside.read(7, config_offset=2)
    await turned()
    assert password_of(outside.sent[0]) == "hunter2"
    outside.requests[0].set_result(500)
    await turned()
    (settlement,) = outside.settlements
    assert b"hunter2" not in encode(settlement.attempt) + encode(settlement.parked.job)
    assert "•••" in dict(settlement.attempt.request.headers)["Authorization"]


async def test_a_secret_that_was_changed_is_used_from_then_on(outside):
    for offset, password in enumerate(("hunter2", "hunter3"), start=2):
        outside.configure(a_sealed_webhook(KEY, password))
        for number in range(2):
            outside.read(offset * 2 + number, delivery_id=f"dl_{offset}{number}")
        await turned()
    assert [password_of(request) for request in outside.sent] == [
        *("hunter2", "hunter2", "hunter3", "hunter3"),
    ]


async def test_without_its_secret_nothing_is_sent_and_the_attempt_is_retried(outside):
    outside.configure(a_sealed_webhook(LOST, retry={"retry_on": ["5xx"]}))
    outside.read(7, config_offset=2)
    await turned()
    assert outside.sent == []
    (settlement,) = outside.settlements
    attempt = settlement.attempt
    assert (attempt.outcome, attempt.reason, attempt.next.step) == (
        *("failed", "secret_unreadable", "retry"),
    )
    assert attempt.detail.startswith("basic_auth.password: it is sealed with the key lost")
    assert attempt.request is None
    assert [failure.stage for failure in settlement.failures] == ["first"]
    assert settlement.parked.job.body is not None
    assert outside.closed == [(7, 41)]


async def test_a_failure_of_ours_leaves_the_endpoints_place_free(outside):
    """As it does when the endpoint answers: the next job must not wait for one that is over."""
    outside.configure(a_sealed_webhook(LOST, concurrency_max=1))
    for number in range(3):
        outside.read(number, delivery_id=f"dl_{number}", config_offset=2)
    await turned()
    assert len(outside.settlements) == 3
