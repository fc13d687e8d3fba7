"""The strict consumer's rules, on records that a fake broker hands it in any order."""

# ruff: noqa: SLF001 - Faust's extension points are its private methods

from types import SimpleNamespace

from faust.types import TP

from agents.strict.consumer import COMMIT_EVENTS
from tests.support.strict_consumers import CONFIGS, ONE, TWO, positioned


async def test_records_are_handed_out_in_unbroken_order():
    consumer = positioned([(ONE, [0, 1, 2]), (TWO, [0])])

    assert await consumer.handed_out() == [(ONE, 0), (ONE, 1), (ONE, 2), (TWO, 0)]


async def test_a_gap_is_read_again_before_it_is_believed():
    consumer = positioned([(ONE, [0, 3, 4])], [(ONE, [1, 2, 3, 4])])

    assert await consumer.handed_out() == [(ONE, 0)]
    assert consumer.sought == [{ONE: 1}]
    assert await consumer.handed_out() == [(ONE, 1), (ONE, 2), (ONE, 3), (ONE, 4)]


async def test_a_gap_that_is_there_at_the_second_look_is_passed():
    consumer = positioned([(ONE, [0, 3, 4])], [(ONE, [3, 4])])
    await consumer.handed_out()

    assert await consumer.handed_out() == [(ONE, 3), (ONE, 4)]
    assert consumer.sought == [{ONE: 1}]


async def test_repeats_are_skipped():
    consumer = positioned([(ONE, [0, 1])], [(ONE, [0, 1, 2])])
    await consumer.handed_out()

    assert await consumer.handed_out() == [(ONE, 2)]


async def test_a_record_of_a_partition_without_a_position_is_sought_and_not_handed_out():
    consumer = positioned([(TWO, [5])])
    consumer.ledger.forget([TWO])

    assert await consumer.handed_out() == []
    assert consumer.sought == [{ONE: 0, TWO: 0}]
    assert consumer.ledger.expected(TWO) == 0


async def test_the_tables_records_pass_whatever_their_order():
    consumer = positioned([(CONFIGS, [7, 3])])

    assert await consumer.handed_out() == [(CONFIGS, 7), (CONFIGS, 3)]


async def test_a_partition_with_nothing_committed_is_sought_to_earliest():
    consumer = positioned(committed={TWO: 40}, first=10)

    await consumer.perform_seek()

    assert consumer.sought == [{ONE: 10, TWO: 40}]


async def test_a_committed_offset_that_the_log_no_longer_has_counts_for_nothing():
    consumer = positioned(committed={ONE: 5, TWO: 400}, first=10, end=100)

    await consumer.perform_seek()

    assert consumer.sought == [{ONE: 10, TWO: 10}]


async def test_no_seek_while_an_assignment_ends():
    draining, revoked, stopping = positioned(), positioned(), positioned()
    draining._draining = 1
    revoked._revoked = True
    stopping.app.should_stop = True
    for consumer in (draining, revoked, stopping):
        await consumer.perform_seek()

        assert consumer.sought == []


async def test_a_seek_during_which_the_assignment_ended_leaves_the_ledger_alone():
    consumer = positioned([(ONE, [0])], committed={ONE: 7})
    await consumer.handed_out()

    async def revoke_meanwhile(positions):
        consumer._revoked = bool(positions)

    consumer.seek_wait = revoke_meanwhile
    await consumer.perform_seek()

    assert consumer.ledger.expected(ONE) == 1


async def test_only_the_unbroken_run_of_finished_records_is_committed():
    consumer = positioned([(ONE, [0, 1, 2])])
    await consumer.handed_out()

    consumer.done([SimpleNamespace(tp=ONE, offset=1), SimpleNamespace(tp=ONE, offset=2)])
    assert consumer._new_offset(ONE) == 0
    consumer.done([SimpleNamespace(tp=ONE, offset=0)])
    assert consumer._new_offset(ONE) == 3


async def test_many_finished_events_are_committed_before_the_second_is_over():
    consumer = positioned()
    scheduled = []
    consumer.commit = lambda: "a commit"
    consumer.add_future = scheduled.append
    for _ in range(COMMIT_EVENTS - 1):
        consumer.done([SimpleNamespace(tp=ONE, offset=0)])
    assert scheduled == []

    consumer.done([SimpleNamespace(tp=ONE, offset=0)] * 2)
    consumer.done([SimpleNamespace(tp=ONE, offset=0)])

    assert scheduled == ["a commit"]


async def test_fausts_own_acknowledgements_decide_nothing_and_are_thrown_away():
    consumer = positioned([(ONE, [0, 1])])
    await consumer.handed_out()
    consumer._acked[ONE] += [0, 1]
    consumer._acked_index[ONE] |= {0, 1}

    assert consumer._new_offset(ONE) == 0
    assert consumer._acked[ONE] == []


async def test_a_commit_that_failed_counts_for_nothing():
    consumer = positioned()
    consumer.broker_takes = False

    assert not await consumer._commit_offsets({ONE: 7})
    assert consumer._committed_offset[ONE] is None
    consumer.broker_takes = True
    assert await consumer._commit_offsets({ONE: 7})
    assert consumer._committed_offset[ONE] == 7


async def test_offsets_of_lost_partitions_are_not_committed():
    consumer = positioned()

    assert not await consumer._commit_offsets({TP("activities", 9): 7})
    assert consumer.commits == []


async def test_an_assignment_that_was_revoked_is_no_longer_owned():
    consumer = positioned()
    assert consumer.owns(1)

    consumer._revoked = True

    assert not consumer.owns(1)
