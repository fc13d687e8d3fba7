"""Hookline with its endpoint limits lifted, to see what they are worth: a global pool of requests.

    python -m tests.benchmarks.global_pool sender

It takes the arguments of `hookline`. Any webhook may hold every place there is, none is sent away
by a breaker, and none may have too many jobs waiting: what is left is one pool that all share.
"""

from __future__ import annotations

import sys

from agents.cli import main
from pipeline import dispatch, endpoints
from pipeline.breaker import CLOSED

# As many as a sender may read: nothing is sent away for being too many.
QUEUE_MAX = 4_000


def lift() -> None:
    """Take the limits of single endpoints out of the dispatcher."""
    dispatch.SHARE_MAX = dispatch.IN_FLIGHT_MAX
    endpoints.QUEUE_MAX = QUEUE_MAX
    endpoints.Endpoint.limit = property(lambda _: dispatch.IN_FLIGHT_MAX)  # type: ignore[assignment,method-assign]
    endpoints.after = lambda *_: CLOSED  # type: ignore[assignment]


if __name__ == "__main__":
    lift()
    sys.exit(main())
