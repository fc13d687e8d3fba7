"""Wait for a condition instead of for a while."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.02
# What is asked must not be slowed by the asking, here or where the answer is made.
_RESTS = 4


def eventually(condition: Callable[[], T], timeout_s: float) -> T:
    """The first true value of `condition`, asked until then; an AssertionError when it is late."""
    deadline = time.monotonic() + timeout_s
    began_s = time.thread_time()
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {condition}"
        time.sleep(max(_POLL_S, _RESTS * (time.thread_time() - began_s)))
        began_s = time.thread_time()
    return value
