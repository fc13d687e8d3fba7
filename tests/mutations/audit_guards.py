"""Guards of the audit: a check that finds nothing wrong must be one that would."""

from __future__ import annotations

from pipeline import audit_claims
from pipeline.auditing import Entry, Ledger
from tests.mutations.guards import guard

LEDGER = "tests/unit/pipeline/test_auditing.py::"
EVENTS = "tests/unit/pipeline/test_auditing_events.py::"
CLAIMS = "tests/unit/pipeline/test_audit_claims.py::"


@guard(
    "A job that senders will drop as a repeat is not counted as waiting.",
    f"{LEDGER}test_what_a_sender_will_drop_as_a_repeat_does_not_wait",
)
def count_every_job_in_a_topic_as_waiting() -> None:
    """An audit takes a leftover for the delivery that waits."""
    Entry.will_be_taken = lambda _entry, _reach: True


@guard(
    "A delivery that was begun again must end again.",
    f"{LEDGER}test_a_rerun_must_end_by_itself",
)
def take_the_end_of_an_earlier_run_for_the_reruns() -> None:
    """An audit is content with any end of a delivery."""
    Entry.has_ended = property(lambda entry: entry.recorded.is_end)


@guard(
    "A delivery that an event is owed to must have left a trace.",
    f"{EVENTS}TestEvents::test_a_delivery_that_an_event_is_owed_to_must_be_somewhere",
)
def audit_jobs_alone() -> None:
    """An audit looks only for deliveries that a job names."""
    Ledger.owed = lambda *_, **__: None


@guard(
    "A delivery that failed must have its final failure.",
    f"{LEDGER}TestFailures::test_a_delivery_that_failed_must_have_a_final_failure",
)
def content_with_failures_that_nobody_is_told_of() -> None:
    """An audit does not look for final failures."""
    Entry.is_untold = False


@guard(
    "What an agent took and could not read must be a dead letter.",
    f"{EVENTS}TestUnreadable::test_it_must_be_a_dead_letter_once_it_was_taken",
)
def pass_over_what_cannot_be_read() -> None:
    """An audit passes over records that it cannot read."""
    Ledger.unreadable = lambda *_: None


@guard(
    "What the configuration of today asks for is held against an event only if it was the same "
    "then.",
    f"{CLAIMS}test_a_change_that_may_have_come_after_the_event_leaves_it_uncertain",
)
def judge_events_by_a_later_configuration() -> None:
    """An audit takes today's configuration for that of the event's moment."""
    audit_claims._is_since = lambda *_: True  # noqa: SLF001 - guards are kept in private
