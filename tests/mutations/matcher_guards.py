"""Guards of the matcher, its own and those that make Faust honest."""

# ruff: noqa: SLF001 - guards are kept in private

from __future__ import annotations

from mode.utils.queues import FlowControlEvent

from agents.matcher.freshness import Freshness
from agents.matcher.joining import Joiner
from agents.matcher.writer import BatchWriter
from agents.strict.consumer import StrictConsumer
from agents.strict.flow import StrictFlowControl
from agents.strict.pump import Batches
from agents.strict.recovery import StrictRecovery
from tests.mutations.guards import guard

JOINING = "tests/unit/agents/test_joining.py::"
PARTS = "tests/unit/agents/test_strict_parts.py::"
CONSUMER = "tests/unit/agents/test_strict_consumer.py::"


@guard(
    "A batch is done when everything that follows from it is acknowledged.",
    f"{JOINING}test_a_batch_is_done_only_when_all_it_wrote_is_acknowledged",
)
def matcher_acknowledges_before_the_report() -> None:
    """The matcher waits for no delivery report."""

    async def hasty(self):
        self._written, self._buried, self._bytes = [], [], 0

    BatchWriter.finish = hasty


@guard(
    "A batch that failed is not done, and ends the process.",
    f"{PARTS}test_a_failed_batch_ends_the_process_and_is_not_done",
)
def take_a_failed_batch_for_done() -> None:
    """A batch is reported done before it is worked on."""
    run = Batches.run

    async def hasty(self, done):
        work = self._work

        async def already_done(batch):
            done(batch)
            await work(batch)

        self._work = already_done
        await run(self, lambda _batch: None)

    Batches.run = hasty


@guard(
    "What waits for a batch is never dropped, however much it is.",
    f"{PARTS}test_nothing_is_dropped_because_too_much_waits",
)
def drop_when_the_matchers_queue_is_full() -> None:
    """An event that comes while too much waits is dropped."""
    put = Batches.put

    def dropping(self, item):
        if not self.crowded:
            put(self, item)

    Batches.put = dropping


@guard(
    "An event that our own code fails on is a dead letter, and the rest goes on.",
    f"{JOINING}test_a_bug_in_the_decision_costs_that_event_and_no_other",
)
def pass_over_what_we_fail_on() -> None:
    """An event that the decision fails on is passed over in silence."""
    decide = Joiner._decide

    def silent(self, received):
        try:
            yield from decide(self, received)
        except LookupError:
            return

    Joiner._decide = silent


@guard(
    "What is decided is decided on a view known to be fresh.",
    "tests/unit/agents/test_freshness.py::test_a_decision_waits_for_the_next_verification",
)
def decide_on_a_stale_view() -> None:
    """A view of the configuration counts as fresh whatever its age."""
    Freshness.is_fresh = property(lambda _self: True)


@guard(
    "A revocation waits for the batch in flight, and commits it.",
    "tests/unit/agents/test_strict_endings.py::"
    "test_an_assignment_ends_with_the_batch_in_flight_finished_and_committed",
)
def skip_the_wait_when_an_assignment_ends() -> None:
    """A partition goes while a batch of it is in flight."""

    async def at_once(_self):
        return

    StrictConsumer.wait_empty = at_once


@guard(
    "What an assignment forgot is not finished in the next one.",
    f"{PARTS}test_after_a_seek_the_batch_in_flight_no_longer_counts",
)
def count_batches_of_lost_partitions() -> None:
    """A batch that was in flight when its partitions went counts as done afterwards."""
    Batches.forget = Batches._clear


@guard(
    "A record that did not come in order is sought again, never skipped.",
    f"{CONSUMER}test_a_gap_is_read_again_before_it_is_believed",
)
def believe_a_gap_at_first_sight() -> None:
    """Offsets that were not fetched are taken for missing from the log."""

    async def credulous(_self, _tp, _expected):
        return True

    StrictConsumer._believes_gap = credulous


@guard(
    "A partition with nothing committed is read from its beginning.",
    f"{CONSUMER}test_a_partition_with_nothing_committed_is_sought_to_earliest",
)
def seek_only_where_something_is_committed() -> None:
    """As Faust does it: what has no committed offset stays where the fetcher happens to be."""
    positions = StrictConsumer._positions

    async def committed_only(self, committed):
        return await positions(self, {tp: it for tp, it in committed.items() if it})

    StrictConsumer._positions = committed_only


@guard(
    "Only what the broker took counts as committed.",
    f"{CONSUMER}test_a_commit_that_failed_counts_for_nothing",
)
def trust_a_commit_that_failed() -> None:
    """As Faust does it: an offset counts as committed when it was sent."""

    async def trusting(self, offsets, start_new_transaction=True):  # noqa: ARG001, FBT002 - as there
        self._committed_offset.update(offsets)
        await self._commit(offsets)
        return True

    StrictConsumer._commit_offsets = trusting


@guard(
    "Queues are emptied only after the flow was really suspended.",
    f"{PARTS}test_resuming_a_flow_that_was_on_keeps_what_is_queued",
)
def empty_the_queues_at_each_resumption() -> None:
    """As Faust does it."""
    StrictFlowControl.resume = FlowControlEvent.resume


@guard(
    "Partitions are positioned before records flow, and resumed last.",
    "tests/unit/agents/test_strict_recovery.py::"
    "test_partitions_are_sought_before_records_flow_and_resumed_last",
)
def resume_before_the_seek() -> None:
    """Records flow before their partition is positioned."""
    complete = StrictRecovery.on_recovery_completed

    async def hasty(self, generation_id=0):
        self.app.flow_control.resume()
        self.app.consumer.resume_flow()
        await complete(self, generation_id)

    StrictRecovery.on_recovery_completed = hasty
