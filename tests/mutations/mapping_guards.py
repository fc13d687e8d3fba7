"""Guards of what senders prove, of what is read of a request, and of the ids that it gets."""

# ruff: noqa: SLF001 - guards are kept in private

from __future__ import annotations

from pipeline import inbound, inbound_bodies, verifying
from tests.mutations.guards import guard

VERIFYING = "tests/unit/pipeline/test_verifying.py::"
BODIES = "tests/unit/pipeline/test_inbound_bodies.py::"
INBOUND = "tests/unit/pipeline/test_inbound.py::"


@guard(
    "A request whose signed time is long past is refused, as it may have been overheard.",
    f"{VERIFYING}test_a_signed_time_must_be_near_ours",
)
def believe_old_signatures() -> None:
    """Any time will do that was signed."""
    verifying._stale = lambda *_: None


@guard(
    "What only the body's signature vouches for does not come from the query.",
    f"{BODIES}test_a_query_that_nobody_signed_is_no_field",
)
def read_a_query_that_nobody_signed() -> None:
    """The query adds fields whatever the sender signs."""
    inbound_bodies.signs_body_only = lambda _: False


@guard(
    "A request that is sent again is the same events.",
    f"{INBOUND}test_a_request_that_is_sent_again_is_the_same_events",
)
def tell_requests_apart_by_the_millisecond() -> None:
    """The same fields some seconds later are another activity."""
    inbound.DAY_MS = 1
