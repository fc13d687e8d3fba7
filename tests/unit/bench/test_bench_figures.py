"""The bench's arithmetic: percentiles, spreads, and which rate is held."""

import pytest

from agents.bench.figures import Spread, latency_figures, percentile, ratio, spreads
from agents.bench.search import PRECISION, RATE_MAX, RATE_MIN, StepSearch, is_held

HELD = {"lost": 0, "p95_ms": 12.0, "tail_s": 0.1, "publisher_late_ms": 3.0}


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (95, 95), (99, 99), (100, 100)]
)
def test_a_percentile_is_a_value_that_occurred(percent, expected):
    assert percentile(range(1, 101), percent) == expected


def test_of_few_values_the_highest_is_the_95th_percentile():
    assert percentile([1.0, 2.0, 3.0], 95) == 3.0
    assert percentile([1.0], 50) == 1.0
    assert percentile([], 50) is None


def test_latencies_need_no_order_and_nothing_arrived_gives_no_figures():
    found = latency_figures([3.0, 1.0, 2.0])

    assert found == {"p50_ms": 2.0, "p95_ms": 3.0, "p99_ms": 3.0, "max_ms": 3.0}
    assert latency_figures([]) == {}


def test_runs_become_medians_with_the_lowest_and_the_highest():
    found = spreads([{"p95_ms": 10.0}, {"p95_ms": 30.0, "held_per_s": 5.0}, {"p95_ms": 11.0}])

    assert found == {"p95_ms": Spread(11.0, 10.0, 30.0), "held_per_s": Spread(5.0, 5.0, 5.0)}
    assert spreads([]) == {}


def test_there_is_no_ratio_to_nothing():
    assert ratio(15.0, 10.0) == 1.5
    assert ratio(None, 10.0) is None
    assert ratio(15.0, None) is None
    assert ratio(15.0, 0.0) is None


@pytest.mark.parametrize(
    "fault",
    [
        {"lost": 1},
        {"parked": 1},
        {"p95_ms": 1_000.0},
        {"tail_s": 2.5},
        {"publisher_late_ms": 1_500.0},
    ],
)
def test_a_rate_is_held_only_when_nothing_speaks_against_it(fault):
    assert is_held(HELD)
    assert not is_held(HELD | fault)


def test_a_run_without_arrivals_held_nothing():
    assert not is_held({})


def searched(limit: float, start: float) -> tuple[StepSearch, list[float]]:
    """The search in a system that holds every rate up to `limit`."""
    search, tried = StepSearch(start), []
    while (rate := search.rate) is not None:
        tried.append(rate)
        search.tell(held=rate <= limit)
    return search, tried


@pytest.mark.parametrize("start", [20.0, 400.0, 5_000.0])
@pytest.mark.parametrize("limit", [37.0, 640.0, 1_234.0, 3_277.0])
def test_the_highest_rate_is_found_within_its_precision(limit, start):
    search, tried = searched(limit, start)

    assert search.held is not None
    assert search.held <= limit <= search.held * (1 + PRECISION)
    assert len(tried) <= 20
    assert len(set(tried)) == len(tried)


def test_a_system_that_holds_nothing_ends_the_search():
    search, tried = searched(0, 400)

    assert search.held is None
    assert min(tried) >= RATE_MIN


def test_the_search_ends_where_the_publisher_does():
    search, _ = searched(float("inf"), 400)

    assert search.held == RATE_MAX


def test_nothing_is_taken_in_after_the_end():
    search, _ = searched(100, 50)
    held = search.held

    search.tell(held=True)

    assert search.held == held
    assert search.rate is None
