"""What of an endpoint's answers shows it to be well, and what a job is told that it keeps away."""

import pytest

from pipeline.breaker import CLOSED, WINDOW, after, is_alive


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 404, 410, 422, 499])
def test_any_other_status_shows_the_endpoint_alive(status):
    assert is_alive(status)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_a_server_error_and_too_much_to_do_are_signs_of_being_unwell(status):
    assert not is_alive(status)


def test_an_endpoint_that_fails_every_other_time_is_told_as_such():
    breaker, now_ms = CLOSED, 23 * 3_600_000 + 59 * 60_000 + 58_000
    for _ in range(WINDOW // 2):
        breaker = after(after(breaker, "well", now_ms), "unwell", now_ms)
    assert breaker.why() == (
        "its breaker is open until 00:00:03 UTC after 10 failures in the last 20 requests"
    )


def test_nothing_counts_of_a_request_that_was_not_made():
    unwell = after(CLOSED, "unwell", 0)
    assert after(unwell, "none", 0) is unwell
