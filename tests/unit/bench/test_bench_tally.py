"""The bench's books: what was owed, what arrived, what is lost, what came twice."""

import json
from typing import Literal

import pytest

from agents.bench.cases import Options, chosen
from agents.bench.parked import due_later
from agents.bench.partitions import silence_s
from agents.bench.plan import (
    HANG,
    Plan,
    behaving,
    fan_out,
    filtered,
    one_each,
    with_recovering,
)
from agents.bench.publisher import activity, due_times_s
from agents.bench.session import Row, is_complete
from agents.bench.tally import RECORD_BYTES, Arrival, Tally, unpacked
from pipeline.partitioning import murmur2, partition_of
from pipeline.suppression import Noted

MS = 1_000_000
S = 1_000 * MS


def arrival(event: int, webhook: int, *, status: int = 200, after_ms: float = 5, open_: int = 1):
    sent_ns = 10 * S
    return Arrival(sent_ns + round(after_ms * MS), sent_ns, event, webhook, 2, status, open_)


def tally_of(plan: Plan, *arrivals: Arrival) -> Tally:
    tally = Tally(plan.measured)
    for it in arrivals:
        tally.take(it)
    return tally


def test_an_arrival_survives_being_written():
    arrivals = [arrival(7, 100_000, after_ms=3), arrival(2**32 - 1, 0, status=0, open_=512)]

    data = b"".join(it.packed() for it in arrivals)

    assert len(data) == 2 * RECORD_BYTES
    assert list(unpacked(data)) == arrivals


def test_what_is_owed_and_did_not_come_is_missing():
    plan = one_each(3)
    tally = tally_of(plan, arrival(0, 0), arrival(1, 1), arrival(3, 0))

    assert plan.owed_to_measured(5) == 5
    assert tally.arrived == 3
    assert tally.missing(plan.owed(5)) == {(2, 2), (4, 1)}


def record(delivery: str, step: Literal["retry", "defer", "end", "late"], due_ms: int = 0) -> Noted:
    return Noted(delivery, 1, 0, step, due_ms=due_ms)


def test_what_is_put_off_to_a_later_time_is_parked_and_the_rest_is_lost():
    ids = {name: (number, 0) for number, name in enumerate(["retried", "put off", "due", "none"])}
    noted = [
        record("retried", "retry", 11),
        record("put off", "defer", 11),
        record("due", "retry", 10),
        record("somebody's", "retry", 11),
    ]

    assert due_later(ids, noted, 10) == {(0, 0), (1, 0)}


@pytest.mark.parametrize(
    ("then", "parked"),
    [
        (("end", 0), set()),
        (("defer", 12), {(7, 3)}),
        (("retry", 10), set()),
        (("late", 0), {(7, 3)}),
    ],
)
def test_the_last_record_decides_whether_a_delivery_is_parked(then, parked):
    noted = [record("one", "retry", 11), record("one", *then)]

    assert due_later({"one": (7, 3)}, noted, 10) == parked


@pytest.mark.parametrize(
    ("figures", "complete"),
    [
        ({"lost": 0, "parked": 3, "strays": 1}, True),
        ({"lost": 1, "parked": 0}, False),
        ({"lost": 0, "prepared": 9, "prepared_missing": 0}, True),
        ({"lost": 0, "prepared": 9, "prepared_missing": 1}, False),
    ],
)
def test_what_is_lost_and_what_was_prepared_and_is_missing_fail_a_bench(figures, complete):
    case = chosen(["healthy"], Options())[0]

    assert is_complete([Row(case, [{"lost": 0.0}, figures])]) is complete


def test_what_was_refused_has_not_arrived():
    plan = one_each(1)
    tally = tally_of(plan, arrival(0, 0, status=500), arrival(0, 0, status=0))

    assert (tally.requests, tally.arrived, tally.duplicates) == (2, 0, 0)
    assert tally.missing(plan.owed(1)) == {(0, 0)}


def test_each_further_arrival_is_a_duplicate_and_only_the_first_is_timed():
    plan = one_each(2)
    tally = tally_of(
        plan, arrival(0, 0, after_ms=4), arrival(0, 0, after_ms=900), arrival(0, 0), arrival(1, 1)
    )

    assert tally.duplicates == 2
    assert tally.latencies_ms == [4, 5]
    assert tally.missing(plan.owed(2)) == set()
    assert len(tally.moments) == 4


def test_an_attempt_that_fails_before_one_that_succeeds_is_no_duplicate():
    tally = tally_of(one_each(1), arrival(0, 0, status=503), arrival(0, 0))

    assert tally.duplicates == 0


def test_endpoints_that_are_unwell_are_neither_timed_nor_missed():
    plan = one_each(10, 2, HANG)
    sick = {it.number for it in plan.endpoints} - plan.measured
    tally = tally_of(plan, *(arrival(n, n) for n in plan.measured))

    assert len(sick) == 2
    assert plan.owed_to_measured(10) == tally.arrived == 8
    assert tally.missing(plan.owed(10)) == set()
    assert tally.undelivered(plan.owed(10)) == 2


def test_a_warm_up_leaves_out_those_that_are_unwell():
    plan = one_each(10, 2, HANG)

    assert {webhook for _, webhook in plan.well.owed(20)} == plan.measured
    assert plan.well.endpoints == plan.endpoints
    assert len(plan.well.turns) == plan.well.owed_to_measured(8) == 8


def test_the_most_requests_at_once_are_kept():
    tally = tally_of(one_each(1), arrival(0, 0, open_=3), arrival(1, 0, open_=9), arrival(2, 0))

    assert tally.open_max == 9


def test_an_event_that_fans_out_is_owed_to_each():
    plan = fan_out(500)

    assert plan.owed_to_measured(3) == 1_500
    assert len(set(plan.owed(3))) == 1_500


def test_in_a_crowded_account_one_webhook_wants_each_event():
    crowded, sparse = filtered(1, 20), filtered(20, 1)

    for plan in (crowded, sparse):
        assert plan.owed_to_measured(40) == 40
        assert {webhook for _, webhook in plan.owed(20)} == set(range(20))
    assert {it.account_id for it in crowded.endpoints} == {1}
    assert len({(it.account_id, it.shard) for it in crowded.addressees}) == 20


@pytest.mark.parametrize(("count", "sick"), [(50, 3), (50, 15), (10, 10), (7, 2), (50, 0)])
def test_as_many_as_asked_are_unwell(count, sick):
    plan = one_each(count, sick, HANG)

    assert sum(not it.measured for it in plan.endpoints) == sick
    assert all((it.behaviour == HANG) != it.measured for it in plan.endpoints)


def test_those_that_recover_get_no_events():
    plan = with_recovering(one_each(4), 2, "slow/20")

    assert {webhook for _, webhook in plan.owed(100)} == {0, 1, 2, 3}
    assert len({it.number for it in plan.endpoints}) == 6


def test_a_plan_says_what_is_to_be_configured():
    records = list(behaving(2, "slow/200").records(8_400))

    assert [it.kind for it in records] == ["account", "account", "webhook", "webhook"]
    assert records[3].url == "http://127.0.0.1:8400/1/slow/200"
    assert list(filtered(1, 2).records(1))[2].filter is not None


@pytest.mark.parametrize(
    ("key", "expected"),
    [  # from the tests of Kafka's own client, which count with a sign
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"abc", 479470107),
    ],
)
def test_keys_are_hashed_as_kafka_does(key, expected):
    assert murmur2(key) == expected % 2**32
    assert partition_of(key, 8) == (expected & 0x7FFFFFFF) % 8


def test_silence_is_that_of_the_partition_that_suffers_most():
    busy = [(0, at * S) for at in range(10, 21)]
    silent = [(1, 10 * S), (1, 11 * S), (1, 14 * S), (1, 20 * S - S // 2)]

    assert silence_s(busy, 10 * S, 20 * S) == 1
    assert silence_s(busy + silent, 10 * S, 15 * S) == 3
    assert silence_s([(0, 5 * S), (1, 12 * S)], 10 * S, 15 * S) == 5
    assert silence_s([], 10 * S, 15 * S) == 5


def test_an_activity_has_the_size_that_was_asked_for_and_can_be_read():
    for event in (0, 99_999):
        text = activity(2, event, 1_700_000_000_000_000_000, 7, 1_024)

        assert len(text) == 1_024
        assert json.loads(text)["shard"] == 7
        assert text.startswith(b'{"bench":"00002.')


def test_events_are_due_at_an_even_rate_load_after_load():
    assert list(due_times_s([(2, 1), (4, 0.5), (2, 1)])) == [0, 0.5, 1, 1.25, 1.5, 2]
