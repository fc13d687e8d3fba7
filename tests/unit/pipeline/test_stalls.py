"""What has stood still for too long, and what only seems to."""

import pytest

from pipeline.stalls import FROZEN_S, STALL_S, Progress, StallClock, waits_of

NAME = "jobs/3"


class Clock:
    """A stall clock that is looked at each second."""

    def __init__(self):
        self.stalls, self.now_s = StallClock(), 0.0

    def look_for(self, seconds, waits):
        """The first complaint, and after how long it came."""
        for second in range(int(seconds) + 1):
            found = self.stalls.stalled(self.now_s, waits)
            if found is not None:
                return second, found
            self.now_s += 1
        return None


@pytest.mark.parametrize(
    ("progress", "what"),
    [
        (Progress(oldest_open=3, expected=9, end=9), "unfinished: offset 3"),
        (Progress(oldest_open=None, expected=9, end=10), "unread: offset 9"),
        (Progress(oldest_open=None, expected=None, end=10), "unread: offset None"),
    ],
    ids=["unfinished", "unread", "never positioned"],
)
def test_a_partition_with_work_that_stands_still_stalls_after_thirty_seconds(progress, what):
    found = Clock().look_for(100, waits_of(NAME, progress, STALL_S))

    assert found == (STALL_S, f"{what} of jobs/3 for 30 s")


@pytest.mark.parametrize(
    "progress",
    [Progress(None, 9, 9), Progress(None, None, 0), Progress(None, 9, None)],
    ids=["read to its end", "empty", "rightly held back"],
)
def test_a_partition_without_work_waits_for_nothing(progress):
    assert waits_of(NAME, progress, STALL_S) == {}


def test_a_record_that_may_be_in_hand_for_long_has_that_time_on_top():
    waits = waits_of(NAME, Progress(3, 4, 5), STALL_S, open_s_max=50)

    assert sorted(waits.values()) == [30, 80]


def test_what_moves_does_not_stall():
    clock = StallClock()
    for now_s in range(100):
        waits = waits_of(NAME, Progress(now_s, now_s + 5, 1_000), STALL_S)
        assert clock.stalled(now_s, waits) is None


def test_a_reset_begins_the_count_anew():
    clock, waits = Clock(), {"it": 10}
    assert clock.look_for(8, waits) is None
    clock.stalls.reset()

    assert clock.look_for(9, waits) is None
    assert clock.look_for(1, waits) is not None


def test_time_during_which_nobody_looked_does_not_count():
    clock, waits = Clock(), {"it": 10}
    assert clock.look_for(8, waits) is None
    clock.now_s += FROZEN_S + 0.1

    assert clock.look_for(9, waits) is None
