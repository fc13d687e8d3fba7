"""How a replay's record moves on, and that one process at a time moves it."""

import pytest

from pipeline.replay_runs import (
    LEASE_MS,
    Progress,
    broken_off,
    cancelled,
    claimed,
    completed,
    let_go,
    moved_on,
    started,
    with_chosen,
    with_read,
)
from pipeline.replaying import Chosen
from schemas.replay import SAMPLES_MAX, ReplayCounts, ReplaySample
from tests.support.builders import NOW_MS, a_job, a_replay

SAMPLE = ReplaySample(delivery_id="d", webhook_id="crm", activity_id="1", phase="end", at_ms=NOW_MS)
COUNTS = ReplayCounts(read=9, chosen=3, begun=2, skipped={"delivered": 1})
DONE = Progress(COUNTS, (SAMPLE,), {"t/0": 1}, {"t/0": 10}, {"t/0": 10}, "so far")
HELD = {"runner": "me", "lease_until_ms": NOW_MS + 5}


def test_progress_is_counted_in_records_and_in_deliveries():
    progress = with_read(Progress(cursor={"t/0": 3, "t/1": 5}), {"t/0": 7}, read=4)
    assert progress.cursor == {"t/0": 7, "t/1": 5}
    chosen = [Chosen(SAMPLE, a_job()), Chosen(SAMPLE), Chosen(SAMPLE, skipped="waiting")]
    progress = with_chosen(with_chosen(progress, chosen), chosen)
    assert progress.counts == ReplayCounts(read=4, chosen=6, begun=4, skipped={"waiting": 2})
    assert with_chosen(progress, chosen * 9).samples == (SAMPLE,) * SAMPLES_MAX


@pytest.mark.parametrize(
    ("given", "is_free"),
    [
        ({}, True),
        ({"state": "planning"}, True),
        ({"state": "planned"}, False),
        ({"state": "done"}, False),
        (HELD, True),
        ({**HELD, "runner": "other"}, False),
        ({**HELD, "runner": "other", "lease_until_ms": NOW_MS}, True),
    ],
)
def test_a_replay_is_taken_up_when_nobody_else_is_at_it(given, is_free):
    taken = claimed(a_replay(**given), "me", NOW_MS)
    assert (taken is not None) is is_free
    if taken is not None:
        assert (taken.runner, taken.lease_until_ms) == ("me", NOW_MS + LEASE_MS)


def test_what_was_deleted_cannot_be_taken_up():
    assert claimed(None, "me", NOW_MS) is None


def test_progress_is_written_with_a_new_lease_and_read_back_as_it_was():
    record = moved_on(a_replay(**HELD), "me", DONE, NOW_MS)
    assert (record.counts, record.cursor, record.detail) == (COUNTS, {"t/0": 10}, "so far")
    assert record.lease_until_ms == NOW_MS + LEASE_MS
    assert Progress.of(record) == Progress(*(getattr(DONE, it) for it in _WITHOUT_DETAIL))


_WITHOUT_DETAIL = ("counts", "samples", "begins", "cursor", "ends")


def test_who_lets_go_of_it_leaves_it_to_the_next_at_once():
    record = let_go(a_replay(**HELD), "me", DONE)
    assert (record.state, record.runner, record.lease_until_ms) == ("running", None, 0)
    assert record.cursor == {"t/0": 10}


def test_a_plan_keeps_what_it_counted_and_can_be_run_from_the_beginning():
    planned = completed(a_replay(state="planning", **HELD), "me", DONE, NOW_MS)
    assert (planned.state, planned.planned, planned.samples) == ("planned", COUNTS, (SAMPLE,))
    assert (planned.cursor, planned.ends, planned.runner) == ({"t/0": 1}, {"t/0": 10}, None)
    run = started(planned, NOW_MS + 7)
    assert (run.state, run.started_at_ms, run.counts.read) == ("running", NOW_MS + 7, 0)
    assert started(run, NOW_MS) is None


def test_a_run_ends_with_its_counts():
    record = completed(a_replay(**HELD), "me", DONE, NOW_MS + 3)
    assert (record.state, record.ended_at_ms, record.counts) == ("done", NOW_MS + 3, COUNTS)


def test_what_cannot_be_carried_out_ends_with_its_reason():
    record = broken_off(a_replay(**HELD), "me", DONE, NOW_MS + 3)
    assert (record.state, record.detail, record.ended_at_ms) == ("failed", "so far", NOW_MS + 3)


@pytest.mark.parametrize("state", ["planning", "planned", "running", "done", "failed"])
def test_whatever_was_not_cancelled_before_can_be(state):
    record = cancelled(a_replay(state=state, **HELD), NOW_MS + 3)
    assert (record.state, record.ended_at_ms, record.runner) == ("cancelled", NOW_MS + 3, None)
    assert cancelled(record, NOW_MS) is None


@pytest.mark.parametrize(
    "record",
    [
        None,
        a_replay(state="cancelled", **HELD),
        a_replay(**{**HELD, "runner": "other"}),
        a_replay(),
    ],
    ids=["deleted", "cancelled", "another's", "nobody's"],
)
def test_what_is_not_ours_any_more_is_not_written(record):
    assert moved_on(record, "me", DONE, NOW_MS) is None
    assert let_go(record, "me", DONE) is None
    assert completed(record, "me", DONE, NOW_MS) is None
    assert broken_off(record, "me", DONE, NOW_MS) is None
