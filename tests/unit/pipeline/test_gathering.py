"""When records are gathered: while they come fast, and not before or after."""

import pytest

from pipeline.gathering import GATHER_FROM_PER_S, GATHER_UNTIL_PER_S, WINDOW_S, Gathering


def after_a_window(gathering, per_s, *, began_s):
    for tenth in range(1, 11):
        gathering.took(round(per_s * WINDOW_S / 10), now_s=began_s + WINDOW_S * tenth / 10)
    return gathering.is_on


def test_a_few_hundred_a_second_are_taken_as_they_come():
    assert not after_a_window(Gathering(now_s=0), GATHER_FROM_PER_S - 100, began_s=0)


def test_many_are_gathered_once_they_have_come_fast_for_a_window():
    gathering = Gathering(now_s=0)
    assert not gathering.took(GATHER_FROM_PER_S, now_s=WINDOW_S / 2)
    assert after_a_window(gathering, GATHER_FROM_PER_S, began_s=0)


@pytest.mark.parametrize(
    ("per_s", "goes_on"), [(GATHER_UNTIL_PER_S, True), (GATHER_UNTIL_PER_S - 100, False)]
)
def test_gathering_ends_at_a_lower_rate_than_it_began(per_s, goes_on):
    gathering = Gathering(now_s=0)
    assert after_a_window(gathering, GATHER_FROM_PER_S, began_s=0)
    assert after_a_window(gathering, per_s, began_s=WINDOW_S) is goes_on


def test_a_silence_ends_it_with_the_first_record_after():
    gathering = Gathering(now_s=0)
    assert after_a_window(gathering, GATHER_FROM_PER_S, began_s=0)
    assert not gathering.took(1, now_s=60)
