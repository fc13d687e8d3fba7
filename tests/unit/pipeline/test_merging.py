"""Updates of one activity that wait: the latest goes, and the others end on record."""

import pytest

from tests.support.deciding import Sender, reasons


def an_updater(**webhook):
    return Sender(position="update", coalesce=True, concurrency_max=1, **webhook)


def test_of_updates_that_wait_the_latest_goes_and_says_how_many_it_stands_for():
    sender = an_updater()
    sender.read(1, activity=9)
    started = sender.start()
    ids = [sender.open_job(number).job.delivery_id for number in (2, 3, 4)]
    assert sender.read(2) == []
    ends = [*sender.read(3), *sender.read(4)]
    assert [it.settlement.attempt.delivery_id for it in ends] == ids[:2]
    for end, survivor in zip(ends, ids[1:], strict=True):
        attempt = end.settlement.attempt
        assert (attempt.outcome, attempt.reason, attempt.next.step) == (
            *("skipped", "coalesced", "end"),
        )
        assert attempt.detail.startswith(f"{survivor} has a later snapshot")
        assert end.settlement.failures == ()
    sender.deliver(started[1])
    ((_, survivor),) = sender.start().items()
    (write,) = sender.answer(survivor, 500)
    assert (write.settlement.attempt.delivery_id, write.settlement.attempt.merged) == (ids[2], 2)
    assert write.settlement.parked.job.merged == 2


def test_an_update_that_was_started_is_not_replaced():
    sender = an_updater()
    sender.read(1)
    sender.start()
    assert sender.read(2) == []


@pytest.mark.parametrize("sequences", [(None, None), (8, 7)])
def test_an_earlier_snapshot_that_comes_back_later_gives_way(sequences):
    """A retry, as a rule: by its sequence, or by when it was first queued."""
    sender = an_updater()
    sender.read(1, activity=9)
    sender.start()
    sender.read(3, sequence=sequences[0])
    (end,) = sender.read(2, sequence=sequences[1], attempt=2)
    assert end.open_job.place.offset == 2
    assert end.settlement.attempt.reason == "coalesced"


def test_updates_of_other_activities_are_left_alone_and_so_is_what_is_gone():
    sender = an_updater()
    sender.read(1, activity=9)
    sender.start()
    assert sender.read(2, activity=2) == sender.read(3, activity=3) == []
    sender.sending.revoked(frozenset({1}))
    assert sender.read(4, activity=2, epoch=2) == []


def test_a_rerun_is_sent_whatever_else_is_known_of_its_activity():
    sender = an_updater()
    sender.read(1, activity=9)
    started = sender.start()
    assert sender.read(2) == sender.read(3, rerun=1) == sender.read(4, rerun=1) == []
    assert reasons(sender.read(5)) == ["coalesced"]
    sender.deliver(started[1])
    assert list(sender.start()) == [5]


def test_an_ordered_webhook_may_merge_what_waits_for_its_turn():
    sender = an_updater(ordered=True)
    sender.read(1)
    started = sender.start()
    assert sender.sending.waiting.in_flight == 1
    sender.read(2)
    ends = sender.read(3)
    assert reasons(ends) == ["coalesced"]
    sender.write(ends)
    sender.deliver(started[1])
    assert list(sender.start()) == [3]


def test_a_merged_update_keeps_the_place_of_the_one_it_stands_for():
    """Between those before it and those after it in its activity."""
    sender = an_updater(ordered=True)
    sender.read(1)
    sender.start()
    sender.read(2)
    sender.write(sender.read(4))
    assert sender.sending.waiting.held("order") == 1
    assert sender.sending.waiting.limit("25:crm") == 1
