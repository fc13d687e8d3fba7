"""Faults of ours in the worker: they put a job off, or end it, and never the process."""

from __future__ import annotations

import pytest

from tests.support.builders import a_webhook
from tests.support.outside import Outside, turned


@pytest.fixture
async def outside():
    return Outside()


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
