"""What a failure below an operation means to whoever asked."""

from __future__ import annotations

from agents.api.problems import INTERNAL, Problem


def problem_of(error: Exception) -> Problem:
    """The problem that an exception is answered with; one nobody foresaw tells nothing."""
    if isinstance(error, Problem):
        return error
    return Problem(INTERNAL, "the request id stands in the server's log, beside what went wrong")
