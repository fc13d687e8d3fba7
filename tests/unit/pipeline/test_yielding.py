"""Giving way: who is held, how fast the held may be, and when that ends."""

from collections import deque

import pytest

from pipeline.yielding import PER_S_MIN, QUIET_MS, SHARE_MIN, WINDOW_MS, Yielding

FIRST_PER_S = 200


class World:
    """First attempts at a steady rate, and others as fast as they may be."""

    def __init__(self, first_per_s=FIRST_PER_S):
        self.yielding = Yielding()
        self.now_ms = 0
        self.first_per_s = first_per_s

    def goes_on(self, seconds, *, waited_ms, others_per_s=0):
        """Let time pass; how many others began a second."""
        began = first = asked = 0
        recently = deque()
        for passed_ms in range(1, int(seconds * 1_000) + 1):
            self.now_ms += 1
            while first < self.first_per_s * passed_ms / 1_000:
                first += 1
                while recently and recently[0] < self.now_ms - 1_000:
                    recently.popleft()
                wait_ms = waited_ms(len(recently)) if callable(waited_ms) else waited_ms
                self.yielding.first_began(wait_ms, self.now_ms)
            while asked < others_per_s * passed_ms / 1_000:
                asked += 1
                if self.yielding.may_begin(self.now_ms):
                    self.yielding.other_began(self.now_ms)
                    began += 1
                    recently.append(self.now_ms)
        return began / seconds


@pytest.fixture
def world():
    known = World()
    known.goes_on(3, waited_ms=4)
    return known


def test_nobody_is_held_while_first_attempts_wait_no_longer_than_alone(world):
    assert world.goes_on(5, waited_ms=4, others_per_s=1_000) == 1_000
    assert world.yielding.per_s is None


def test_nobody_is_held_before_it_is_known_how_long_first_attempts_wait_alone():
    fresh = World()
    assert fresh.goes_on(5, waited_ms=50, others_per_s=500) == 500


def test_nobody_is_held_for_a_wait_that_has_other_causes(world):
    world.goes_on(1, waited_ms=40)
    assert world.yielding.per_s is None


def test_others_are_held_to_half_their_rate_once_first_attempts_wait_for_them(world):
    world.goes_on(2 * WINDOW_MS / 1_000, waited_ms=40, others_per_s=800)
    assert world.yielding.per_s == pytest.approx(400, rel=0.1)


def test_held_ones_keep_to_their_rate(world):
    world.goes_on(1, waited_ms=40, others_per_s=800)
    held_to = world.yielding.per_s
    calm = world.goes_on(WINDOW_MS / 2_000, waited_ms=40, others_per_s=800)
    assert calm <= held_to * 1.5


def test_others_are_never_held_below_a_share_of_first_attempts(world):
    least = max(PER_S_MIN, FIRST_PER_S * SHARE_MIN)
    slow = world.goes_on(20, waited_ms=lambda _: 400, others_per_s=800)
    assert slow >= least * 0.9
    assert world.yielding.per_s is None or world.yielding.per_s >= least


def test_others_are_let_go_again_once_first_attempts_wait_as_long_as_alone(world):
    world.goes_on(2, waited_ms=40, others_per_s=800)
    assert world.yielding.per_s is not None
    world.goes_on(60, waited_ms=4, others_per_s=3_000)
    assert world.yielding.per_s is None


def test_others_are_let_go_at_once_when_there_are_no_first_attempts_any_more(world):
    world.goes_on(2, waited_ms=40, others_per_s=800)
    world.first_per_s = 0
    world.goes_on(2 * QUIET_MS / 1_000, waited_ms=4, others_per_s=800)
    assert world.yielding.per_s is None


def test_first_attempts_that_have_become_many_do_not_hold_the_others_for_ever(world):
    """They wait longer for themselves, and that is learned while the others are few."""
    busy = 20
    world.goes_on(20, waited_ms=busy, others_per_s=300)
    assert world.goes_on(60, waited_ms=busy, others_per_s=300) > 200


def test_a_rate_is_found_at_which_first_attempts_hardly_wait_longer(world):
    """A machine on which they wait in proportion to what the others take."""
    world.goes_on(10, waited_ms=lambda per_s: 4 + int(per_s / 50), others_per_s=1_500)
    found = world.goes_on(30, waited_ms=lambda per_s: 4 + int(per_s / 50), others_per_s=1_500)
    assert FIRST_PER_S * SHARE_MIN < found < 250


def test_when_the_next_may_begin_is_told_only_while_others_are_held(world):
    assert world.yielding.next_ms(world.now_ms) is None
    world.goes_on(1.1, waited_ms=40, others_per_s=800)
    now_ms = world.now_ms
    while world.yielding.may_begin(now_ms):
        world.yielding.other_began(now_ms)
    next_ms = world.yielding.next_ms(now_ms)
    assert next_ms > now_ms
    assert not world.yielding.may_begin(next_ms - 2)
    assert world.yielding.may_begin(next_ms)


def test_a_clock_that_is_set_back_begins_a_window_anew(world):
    world.now_ms -= 3_600_000
    assert world.goes_on(5, waited_ms=4, others_per_s=1_000) == 1_000
