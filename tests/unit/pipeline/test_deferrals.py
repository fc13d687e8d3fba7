"""The tier that a job waits in when it is put off."""

import pytest

from pipeline.deferrals import tier_of

DAY_MS = 24 * 3_600_000


@pytest.mark.parametrize(
    ("wait_ms", "tier"),
    [
        *((0, "5s"), (5_000, "5s"), (20_000, "30s"), (80_000, "2m"), (300_000, "2m")),
        *((400_000, "10m"), (86_400_000, "1h")),
    ],
)
def test_the_first_time_it_is_the_tier_nearest_to_what_is_waited_for(wait_ms, tier):
    assert tier_of(0, wait_ms, DAY_MS).name == tier


@pytest.mark.parametrize(("deferrals", "tier"), [(1, "30s"), (3, "10m"), (5, "1h"), (99, "1h")])
def test_each_time_it_is_a_longer_one_where_nobody_knows_how_long_it_takes(deferrals, tier):
    assert tier_of(deferrals, 0, DAY_MS).name == tier


@pytest.mark.parametrize(("deferrals", "tier"), [(1, "30s"), (3, "10m"), (5, "10m"), (99, "10m")])
def test_where_the_wait_is_known_it_is_a_longer_one_up_to_ten_minutes(deferrals, tier):
    assert tier_of(deferrals, 5_000, DAY_MS).name == tier


def test_of_two_tiers_that_are_as_near_it_is_the_longer_one():
    assert tier_of(0, 75_000, DAY_MS).name == "2m"


@pytest.mark.parametrize(
    ("left_ms", "tier"),
    [
        (3_599_000, "30m"),
        (1_799_000, "10m"),
        (599_000, "2m"),
        (60_000, "30s"),
        (6_000, "5s"),
        (0, "5s"),
        (-1, "5s"),
    ],
)
def test_no_job_waits_much_beyond_what_its_delivery_has_left(left_ms, tier):
    assert tier_of(99, 0, left_ms).name == tier
