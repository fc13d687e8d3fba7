"""Offsets: for any order of completions, what is committed never passes a record that is open."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pipeline.assignments import Assignments, Span
from pipeline.offsets import OffsetTracker, Position

NEW, RETRY = ("jobs", 0), ("jobs.retry", 0)
KEYS = [NEW, RETRY]
keys = st.sampled_from(KEYS)


@given(
    steps=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5)), max_size=30),
    data=st.data(),
)
def test_the_position_is_that_of_a_plain_model_for_any_order_of_completions(steps, data):
    tracker, offset, floor, handed_out = OffsetTracker(), 0, 0, []
    for gap, rise in steps:
        offset, floor = offset + gap, floor + rise
        tracker.handed_out(offset, floor)
        handed_out.append(Position(offset, floor))
    still_open = list(handed_out)
    for done in data.draw(st.permutations(handed_out)):
        tracker.completed(done.offset)
        still_open.remove(done)
        end = Position(offset + 1, floor)
        assert tracker.position() == (still_open[0] if still_open else end)


class AssignmentsMachine(RuleBasedStateMachine):
    """Two lanes of one partition number, read, settled, lost and read again, with a real log."""

    def __init__(self):
        super().__init__()
        self.assignments = Assignments()
        self.log: list[tuple[tuple[str, int], int]] = []  # attempts: whose job each one settled
        self.committed = {key: Position(0, 0) for key in KEYS}
        self.next = dict.fromkeys(KEYS, 0)
        self.open: dict = {}
        self.late: list = []  # open when their assignment ended: their results are still to come
        self.known: set[tuple[tuple[str, int], int]] = set()

    @initialize()
    def assign(self):
        span = Span(min(it.floor for it in self.committed.values()), len(self.log))
        for key, offset in self.log[span.start :]:
            span.tells_of(key, offset)
        self.assignments.assign(KEYS, {0: span})
        self.known = set(self.log[span.start :])
        self.next = {key: self.committed[key].offset for key in KEYS}

    @rule(key=keys, count=st.integers(1, 4))
    def read(self, key, count):
        for _ in range(count):
            place = self.assignments.handed_out(key, self.next[key], 10)
            self.next[key] += 1
            if (key, place.offset) in self.known:
                self.assignments.completed(place, None)
            else:
                assert (key, place.offset) not in self.log, "on record, and not found there"
                self.open[place] = key

    @rule(data=st.data(), count=st.integers(1, 3))
    def settle(self, data, count):
        for _ in range(min(count, len(self.open))):
            place = data.draw(st.sampled_from(sorted(self.open, key=str)))
            self.log.append((self.open.pop(place), place.offset))
            self.assignments.completed(place, len(self.log) - 1)

    @rule()
    def commit(self):
        self.committed |= self.assignments.uncommitted(self.assignments.keys)

    @rule(commits=st.booleans())
    def lose_and_get_back(self, commits):
        if commits:
            self.commit()
        self.assignments.forget(KEYS)
        assert self.assignments.handed_out(NEW, self.next[NEW], 10) is None
        self.late += self.open
        self.open.clear()
        self.assign()

    @rule(data=st.data())
    def end_what_an_earlier_assignment_began(self, data):
        """It must count for nothing, also when the job was read again meanwhile."""
        if self.late:
            self.assignments.completed(data.draw(st.sampled_from(self.late)), 10**9)

    @rule()
    def crash_and_start_again(self):
        self.assignments = Assignments()
        self.open.clear()
        self.late.clear()  # epochs begin anew with the process
        self.assign()

    @invariant()
    def what_is_open_is_counted(self):
        assert self.assignments.jobs == len(self.open)
        assert self.assignments.size_bytes == 10 * len(self.open)

    @invariant()
    def nothing_open_is_committed(self):
        for key in KEYS:
            oldest = min((it.offset for it, its in self.open.items() if its == key), default=None)
            position = self.assignments.position(key)
            if oldest is not None:
                assert position.offset == oldest
            elif position is not None:
                assert position.offset == self.next[key]

    @invariant()
    def what_is_on_record_beyond_the_position_lies_above_the_floor(self):
        for at, (key, offset) in enumerate(self.log):
            if offset >= self.committed[key].offset:
                assert at >= min(it.floor for it in self.committed.values())


AssignmentsMachine.TestCase.settings = settings(
    derandomize=True, deadline=None, max_examples=300, stateful_step_count=30
)
test_assignments = AssignmentsMachine.TestCase
