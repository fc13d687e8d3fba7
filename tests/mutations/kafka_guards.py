"""Guards of what is written, of queues that are full, and of the scheduler's commits."""

# ruff: noqa: SLF001 - guards are kept in private

from __future__ import annotations

from agents.kafka.producer import Publisher
from agents.scheduler.tiers import TierConsumer
from pipeline.dispatch import Dispatcher
from tests.mutations.guards import guard

PUBLISHER = "tests/unit/agents/test_publisher.py::"


@guard(
    "A full queue of the producer is back-pressure: the record goes out in its turn.",
    f"{PUBLISHER}test_a_full_queue_is_back_pressure_and_everything_goes_out_in_its_turn",
)
def drop_when_the_producers_queue_is_full() -> None:
    """A record for which the producer has no room is dropped, and counts as written."""
    produced = Publisher._produced

    def dropping(self, record, report):
        if not produced(self, record, report):
            report.set_result(None)
        return True

    Publisher._produced = dropping


@guard(
    "A record whose delivery report failed is not written.",
    f"{PUBLISHER}test_a_report_that_failed_is_raised_where_it_is_awaited",
)
def take_a_failed_report_for_a_good_one() -> None:
    """A delivery report counts whatever it says."""
    on_report = Publisher._on_report

    def trusting(self, _error, message, report):
        on_report(self, None, message, report)

    Publisher._on_report = trusting


@guard(
    "A record is not written before its delivery report is there.",
    f"{PUBLISHER}test_a_record_is_not_written_before_the_broker_has_acknowledged_it",
)
def count_as_written_what_was_queued() -> None:
    """A record counts as written when the producer has taken it in."""
    produced = Publisher._produced

    def hasty(self, record, report):
        is_taken = produced(self, record, report)
        if is_taken and not report.done():
            report.set_result(None)
        return is_taken

    Publisher._produced = hasty


@guard(
    "A job too many for its endpoint's queue is put off to a tier.",
    "tests/unit/pipeline/test_dispatch.py::"
    "test_one_job_too_many_for_a_webhook_is_refused_and_changes_nothing",
    "tests/unit/pipeline/test_sending.py::test_one_job_too_many_for_its_endpoint_is_put_off",
)
def drop_when_an_endpoints_queue_is_full() -> None:
    """A job for which its webhook's queue has no room is dropped in silence."""
    add = Dispatcher.add

    def dropping(self, queued, terms):
        add(self, queued, terms)

    Dispatcher.add = dropping


@guard(
    "A tier's record is committed when its copy stands on the topic it went to.",
    "tests/unit/agents/test_tier_reports.py::"
    "test_a_record_is_committed_when_its_copy_is_acknowledged_and_not_before",
    "tests/unit/agents/test_tier_reports.py::test_a_record_whose_copy_was_refused_is_not_committed",
)
def scheduler_commits_before_the_report() -> None:
    """The scheduler counts a record as gone on as soon as the producer has it."""
    write = TierConsumer._write

    def hasty(self, outgoing, place):
        write(self, outgoing, place)
        self.assignments.completed(place, None)

    TierConsumer._write = hasty
