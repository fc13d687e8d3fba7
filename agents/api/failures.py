"""What a failure below an operation means to whoever asked."""

from __future__ import annotations

from agents.api.problems import INTERNAL, Problem, invalid, malformed, unavailable
from agents.history.reading import SEARCH_S_MAX, SearchTooLongError
from pipeline.timeseries import HistoryAwayError
from schemas.codec import Malformed


def problem_of(error: Exception) -> Problem:
    """The problem that an exception is answered with; one nobody foresaw tells nothing."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HistoryAwayError):  # its own text may name a path of this machine
        return unavailable("history", "its database cannot be asked now; deliveries go on")
    if isinstance(error, SearchTooLongError):
        return malformed(f"the search took longer than {SEARCH_S_MAX:g} s: narrow it down")
    if isinstance(error, Malformed):
        is_cursor = all(fault.field == "cursor" for fault in error.faults)
        return (
            malformed("the query has faults", *error.faults) if is_cursor else invalid(error.faults)
        )
    return Problem(INTERNAL, "the request id stands in the server's log, beside what went wrong")
