"""The worker between its lists: what it makes of jobs when partitions go, and when jobs overlap."""

from __future__ import annotations

import pytest

from pipeline.suppression import Noted
from schemas.topics import JOBS_RETRY
from tests.support.builders import a_job
from tests.support.outside import FIRST, SECOND, Outside, eventually_async, turned


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


async def test_a_job_that_came_just_before_its_partition_was_given_up_is_not_started(outside):
    outside.read(7)
    await turned()
    outside.is_certain = False
    outside.read(8, delivery_id="dl_2")
    outside.worker.on_revoked(frozenset({FIRST}), lambda: None)
    outside.is_certain = True
    outside.requests[0].set_result(200)
    await turned()
    assert (len(outside.sent), outside.closed) == (1, [(7, 41)])


async def test_jobs_that_came_in_doubt_are_taken_in_when_it_has_ended(outside):
    outside.is_certain = False
    outside.read(7)
    await turned()
    assert outside.requests == []
    outside.is_certain = True
    outside.read(8, delivery_id="dl_2")
    await turned()
    assert len(outside.requests) == 2


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
