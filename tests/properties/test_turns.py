"""Turns: no more than the rate in all, and no backlog keeps another topic's records waiting."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.turns import PROMISED_S, Turns

STEP_S = 0.01


class Reader:
    """Partitions with backlogs, read as the scheduler does; a woken one brings records later."""

    def __init__(self, turns: Turns, backlogs: dict, fetch_s: float) -> None:
        self.turns, self.left, self.fetch_s = turns, dict(backlogs), fetch_s
        self.ready_at_s = dict.fromkeys(backlogs, 0.0)
        self.passed: list[tuple[float, tuple[str, int]]] = []

    def step(self, now_s: float) -> None:
        for key in list(self.left):
            if not self.turns.is_waiting(key) and self.ready_at_s[key] <= now_s:
                self.read(key, now_s)
        for key in self.turns.woken(now_s):
            self.ready_at_s[key] = now_s + self.fetch_s

    def read(self, key: tuple[str, int], now_s: float) -> None:
        for _ in range(min(self.left[key], 500)):
            if not self.turns.may_pass(key, now_s):
                return
            self.left[key] -= 1
            self.passed.append((now_s, key))
        if not self.left[key]:
            self.turns.brings_nothing(key)

    def run(self, until_s: float, begin_s: float = 0.0) -> None:
        for step in range(int((until_s - begin_s) / STEP_S)):
            self.step(begin_s + step * STEP_S)


backlogs = st.dictionaries(
    st.tuples(st.sampled_from(["5s", "30s", "1h"]), st.integers(0, 3)),
    st.integers(0, 800),
    min_size=1,
)


@settings(max_examples=25)
@given(backlogs=backlogs, per_s=st.sampled_from([1, 30, 400, 5_000]), fetch_s=st.floats(0, 0.2))
def test_in_any_second_no_more_goes_than_the_rate_and_the_burst(backlogs, per_s, fetch_s):
    reader = Reader(Turns(per_s, now_s=0), backlogs, fetch_s)
    reader.run(4)
    burst = max(per_s // 4, 1)
    seconds = Counter(int(at_s) for at_s, _ in reader.passed)
    assert all(count <= per_s + burst for count in seconds.values())
    assert len(reader.passed) <= burst + per_s * 4


@settings(max_examples=25)
@given(backlogs=backlogs, per_s=st.sampled_from([200, 1_000]), fetch_s=st.floats(0, 0.15))
def test_while_anything_is_due_the_rate_is_used(backlogs, per_s, fetch_s):
    reader = Reader(Turns(per_s, now_s=0), backlogs, fetch_s)
    due, needed_s = sum(backlogs.values()), sum(backlogs.values()) / per_s
    reader.run(needed_s * 2 + 2)
    assert len(reader.passed) == due


def test_a_huge_backlog_costs_another_topic_a_turn_and_no_more():
    backlogs = {("24h", number): 100_000 for number in range(4)}
    turns = Turns(1_000, now_s=0)
    reader = Reader(turns, backlogs | {("5s", 0): 0}, fetch_s=0.1)
    reader.run(5)
    reader.left["5s", 0] = 50
    reader.run(10, begin_s=5)
    small = [at_s for at_s, key in reader.passed if key == ("5s", 0)]
    assert len(small) == 50
    assert small[-1] - 5 < 0.5


def test_partitions_of_a_topic_go_equally_far():
    reader = Reader(Turns(1_000, now_s=0), {("24h", n): 100_000 for n in range(4)}, fetch_s=0.1)
    reader.run(20)
    counts = Counter(key for _, key in reader.passed)
    assert max(counts.values()) - min(counts.values()) <= 500
    assert sum(counts.values()) > 19_000


def test_a_partition_that_was_woken_and_brings_nothing_holds_the_others_up_for_a_while_at_most():
    turns = Turns(10, now_s=0)
    for number in range(4):
        while turns.may_pass(("1h", number), 0):
            pass
    assert turns.woken(1) == [("1h", 0), ("1h", 1)]
    assert turns.woken(1 + PROMISED_S / 2) == []
    assert turns.woken(1 + PROMISED_S) == [("1h", 2), ("1h", 3)]
    assert turns.may_pass(("1h", 0), 1 + PROMISED_S), "its share is still good for what is there"


def test_one_that_finds_its_tokens_gone_is_next():
    turns = Turns(10, now_s=0)
    for number in range(3):
        while turns.may_pass(("1h", number), 0):
            pass
    assert turns.woken(0.11) == [("1h", 0)]
    late_s = 0.11 + PROMISED_S
    assert turns.woken(late_s) == [("1h", 1), ("1h", 2)]
    assert turns.may_pass(("1h", 1), late_s)
    assert turns.may_pass(("1h", 2), late_s)
    assert not turns.may_pass(("1h", 0), late_s)
    assert turns.is_waiting(("1h", 0))
    assert turns.woken(late_s + 0.2)[0] == ("1h", 0)


def test_a_partition_that_is_gone_takes_no_turn():
    turns = Turns(10, now_s=0)
    for key in (("1h", 0), ("1h", 1), ("5s", 0)):
        while turns.may_pass(key, 0):
            pass
    for key in (("1h", 0), ("5s", 0), ("5s", 1)):
        turns.forget(key)
    assert not turns.is_waiting(("1h", 0))
    assert turns.woken(5) == [("1h", 1)]
