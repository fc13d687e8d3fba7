"""Guards of the sender: when a job is done, what a repeat is, and who may decide what follows."""

# ruff: noqa: SLF001 - guards are kept in private

from __future__ import annotations

from agents.sender.worker import Worker
from pipeline.assignments import Assignments, Place
from pipeline.commands import Close
from pipeline.offsets import OffsetTracker, Position
from pipeline.sending import Sending
from pipeline.settlement import Settlement
from pipeline.suppression import Noted, Reach, Suppression
from tests.mutations.guards import guard

WORKER = "tests/agents/test_worker.py::"
ASSIGNMENTS = "tests/unit/pipeline/test_assignments.py::"
OFFSETS = "tests/unit/pipeline/test_offsets.py::"
SUPPRESSION = "tests/unit/pipeline/test_suppression.py::"
WRITER = "tests/unit/agents/test_settlement_writer.py::"


@guard(
    "A job is completed when its attempt is acknowledged, not before.",
    f"{WORKER}test_a_job_is_closed_with_its_attempt_when_that_is_on_record",
)
def sender_acknowledges_before_the_report() -> None:
    """The sender completes a job as soon as it has begun to write its records."""
    write = Worker._write

    async def hasty(self, ended, settlement):
        self._do(self._sending.written(ended, settlement, 0, now_ms=0))
        await write(self, ended, settlement)

    Worker._write = hasty


@guard(
    "What follows from an attempt is acknowledged before the attempt is written.",
    f"{WRITER}test_each_stage_is_acknowledged_before_the_next_is_written",
)
def retry_after_the_attempt() -> None:
    """The attempt is written first; a crash after it loses the retry."""
    stages = Settlement.stages.fget
    Settlement.stages = property(lambda self: tuple(reversed(stages(self))))


@guard(
    "Only the unbroken run of completed records is committed.",
    f"{OFFSETS}test_the_oldest_open_record_stands_at_the_position_with_its_own_floor",
    "tests/unit/agents/test_strict_consumer.py::"
    "test_only_the_unbroken_run_of_finished_records_is_committed",
)
def commit_the_highest_offset() -> None:
    """The offset after the highest completed record is committed, whatever is open below it."""
    position = OffsetTracker.position

    def highest(self):
        done = [offset for offset, (_, is_done) in self._records.items() if is_done]
        return Position(max(done) + 1, self._floor) if done else position(self)

    OffsetTracker.position = highest


@guard(
    "What is on record of a partition is read back before its first job.",
    f"{WORKER}test_what_was_read_back_is_not_sent_again",
)
def skip_the_read_back() -> None:
    """What was read back is thrown away."""
    Sending.read_back = lambda _self, _noted: None


@guard(
    "Whoever lost a partition decides nothing any more about its jobs.",
    f"{WORKER}test_a_result_after_the_partition_was_lost_is_recorded_and_nothing_follows",
)
def zombie_writes_a_retry() -> None:
    """A sender goes on deciding about jobs whose assignment has ended."""
    Sending._is_held = lambda _self, _open_job: True


@guard(
    "While membership is in doubt no failure is settled.",
    f"{WORKER}test_in_doubt_about_its_partitions_a_sender_begins_nothing_and_decides_nothing",
)
def zombie_has_no_doubt() -> None:
    """A sender that was frozen does not wait for proof that its partitions are still its own."""

    async def at_once(_self):
        return

    Worker._until_certain = at_once


@guard(
    "A late result counts for nothing but the record: the new owner decides.",
    "tests/unit/pipeline/test_sending.py::"
    "test_a_late_result_that_is_read_back_makes_no_repeat_of_the_job",
)
def late_result_suppresses() -> None:
    """A result that came too late makes repeats of the new owner's jobs."""
    reach = Noted.reach.fget

    def reached(self):
        if self.step == "late":
            return Reach(self.rerun, self.attempt, 1 << 40)
        return reach(self)

    Noted.reach = property(reached)


@guard(
    "A job that is in hand already is a repeat.",
    f"{WORKER}test_a_repeat_is_closed_at_once_without_an_attempt",
    f"{SUPPRESSION}test_a_job_is_admitted_once_while_it_is_in_hand",
)
def ignore_what_is_in_hand() -> None:
    """Only what is on record is a repeat, not what is being worked on."""
    admission = Suppression.admission

    def forgetful(self, *asked):
        self._in_hand.clear()
        return admission(self, *asked)

    Suppression.admission = forgetful


@guard(
    "What an earlier run of a delivery left waiting is dropped once it was begun again.",
    f"{SUPPRESSION}test_what_is_older_than_the_newest_run_is_superseded",
    "tests/unit/pipeline/test_sending_waits.py::"
    "test_a_job_whose_delivery_is_begun_again_while_it_waits_is_dropped_in_its_turn",
)
def ignore_the_newest_run() -> None:
    """Nobody looks whether the configuration knows of a rerun."""
    dropped_as = Suppression.dropped_as
    Suppression.dropped_as = lambda self, job, newest_run=0: dropped_as(self, job)  # noqa: ARG005


@guard(
    "What was in hand when a partition went may be made again when it comes back.",
    f"{WORKER}test_a_job_whose_partition_went_and_came_back_is_made_again_not_dropped",
    f"{SUPPRESSION}test_a_job_read_again_after_its_partition_went_and_came_back_is_no_repeat",
)
def hold_on_to_what_was_lost() -> None:
    """Jobs of a lost partition stay in hand, and swallow the new copies."""
    Suppression.let_go = lambda _self, _epochs: None


@guard(
    "What is completed under an assignment that has ended counts for nothing.",
    f"{ASSIGNMENTS}test_a_result_of_an_earlier_assignment_counts_for_nothing",
)
def count_completions_of_lost_partitions() -> None:
    """A completion counts whatever assignment it belongs to."""
    completed = Assignments.completed

    def forgiving(self, place, attempt_offset):
        held = self._held.get((place.topic, place.partition))
        epoch = place.epoch if held is None else held.epoch
        completed(self, Place(place.topic, place.partition, epoch, place.offset), attempt_offset)

    Assignments.completed = forgiving


@guard(
    "Reading back begins at the floor of the oldest open job.",
    f"{ASSIGNMENTS}test_the_floor_of_an_open_job_is_where_the_attempts_ended_when_it_came",
)
def begin_to_read_back_at_the_end() -> None:
    """The floor that is committed is the end of the attempts, whatever is open."""
    position = Assignments.position

    def at_the_end(self, key):
        found = position(self, key)
        return found and Position(found.offset, self._attempt_ends.get(key[1], 0))

    Assignments.position = at_the_end


@guard(
    "A late result closes no job: its new owner has to find it.",
    f"{WORKER}test_a_result_after_the_partition_was_lost_is_recorded_and_nothing_follows",
)
def late_result_closes_its_job() -> None:
    """A job whose result came too late counts as done."""
    written = Sending.written

    def closing(self, ended, settlement, attempt_offset, *, now_ms):
        done = written(self, ended, settlement, attempt_offset, now_ms=now_ms)
        return done or [Close(ended.place, attempt_offset)]

    Sending.written = closing
