"""One endpoint's limit of requests in flight."""

from pipeline.limits import CONCURRENCY_START, Concurrency, Rate


def test_a_full_round_of_answers_raises_the_limit_by_one():
    concurrency = Concurrency()
    for limit in (4, 5, 6):
        for _ in range(limit):
            assert concurrency.limit == limit
            concurrency.answered(64)
    assert concurrency.limit == 7


def test_the_limit_stops_at_the_ceiling():
    concurrency = Concurrency()
    for _ in range(100):
        concurrency.answered(5)
    assert concurrency.limit == 5


def test_overload_halves_the_limit_down_to_one_and_begins_a_new_round():
    concurrency = Concurrency(limit=9, answers=8)
    limits = []
    for _ in range(5):
        concurrency.overloaded(64)
        limits.append((concurrency.limit, concurrency.answers))
    assert limits == [(4, 0), (2, 0), (1, 0), (1, 0), (1, 0)]


def test_overload_halves_what_is_in_use_when_the_ceiling_is_lower():
    concurrency = Concurrency(limit=64)
    concurrency.overloaded(8)
    assert concurrency.limit == 4


def test_one_answer_is_a_full_round_for_an_endpoint_at_one():
    concurrency = Concurrency(limit=1)
    concurrency.answered(64)
    assert concurrency.limit == 2


def test_it_starts_low():
    assert Concurrency().limit == CONCURRENCY_START


def test_a_rate_of_less_than_one_a_second_lets_one_through_in_so_many():
    rate = Rate(0.01, 0)
    rate.take(0)
    assert (rate.wait_ms(0), rate.wait_ms(0, 2)) == (100_000, 200_000)
    assert 1 <= rate.wait_ms(99_999) <= 2
    assert rate.wait_ms(100_000) == rate.full_in_ms(100_000) == 0


def test_a_clock_that_was_set_back_gives_a_rate_a_new_beginning():
    rate = Rate(1, 1_000_000)
    rate.take(1_000_000)
    assert rate.wait_ms(1_000_000) == 1_000
    assert rate.wait_ms(5) == 0
