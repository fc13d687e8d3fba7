"""Guards of what comes in at the addresses of sources."""

from __future__ import annotations

import secrets

from agents.api import inbound_reading, inbound_records, inbound_taking
from tests.mutations.guards import guard

TAKING = "tests/agents/test_inbound_taking.py::"
AGAIN = "tests/unit/api/test_inbound_operations.py::"


@guard(
    "A sender that a source asks for proof is believed with it alone.",
    f"{TAKING}test_a_signature_is_asked_for_and_what_has_none_is_kept_without_its_keys",
)
def believe_every_sender() -> None:
    """Whatever a source asks for, the token in the address is enough."""
    inbound_taking.refusal = lambda *_: None


@guard(
    "No more of a body is read than a request may have.",
    f"{TAKING}test_a_body_that_tells_no_length_is_cut_off_at_the_same_bound",
)
def read_bodies_to_their_end() -> None:
    """A body that tells no length is read for as long as it comes."""
    inbound_reading.BODY_BYTES_MAX = 2**40


@guard(
    "A rejected request that is mapped again twice is one record and one activity.",
    f"{AGAIN}test_what_is_mapped_again_is_written_events_first_and_twice_is_the_same",
)
def draw_an_id_for_what_is_mapped_again() -> None:
    """Each time a request is mapped again it counts as another."""
    inbound_records.content_hash = lambda _: secrets.token_hex(13)
