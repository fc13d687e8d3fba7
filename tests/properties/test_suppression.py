"""Suppression over any history of a delivery: what is dropped is in hand or on record."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipeline.assignments import Place
from pipeline.suppression import Noted, Reach, Suppression
from schemas.topics import JOBS
from tests.support.builders import a_job

deliveries = st.sampled_from(["a", "b"])
reaches = st.builds(Reach, st.integers(0, 2), st.integers(1, 3), st.integers(0, 2))
steps = st.sampled_from(["retry", "defer", "end"])
A_JOB = a_job()


def a_record(delivery, reach, step):
    return Noted(delivery, reach.attempt, reach.deferrals, step, rerun=reach.rerun)


class SuppressionMachine(RuleBasedStateMachine):
    """The model keeps every record and every job in hand, and asks them all."""

    def __init__(self):
        super().__init__()
        self.suppression = Suppression()
        self.records: list[Noted] = []
        self.in_hand: dict[str, tuple[Reach, Place]] = {}
        self.put_off: list[tuple[Noted, Place]] = []
        self.epoch = 1
        self.offset = 0

    def next_place(self):
        """No two jobs are read at the same one."""
        self.offset += 1
        return Place(JOBS, 0, self.epoch, self.offset)

    def is_on_record(self, delivery, reach):
        """Whether some record has settled this job, or all that could follow from it."""
        return any(
            reach.rerun < it.rerun or (reach.rerun == it.rerun and is_settled_by(it, reach))
            for it in self.records
            if it.delivery_id == delivery
        )

    @rule(delivery=deliveries, reach=reaches, newest_run=st.integers(0, 2))
    def read(self, delivery, reach, newest_run):
        job = A_JOB.model_copy(update={"delivery_id": delivery, **reach._asdict()})
        held = self.in_hand.get(delivery)
        wanted = "admitted"
        if reach.rerun < newest_run:
            wanted = "superseded"
        elif self.is_on_record(delivery, reach):
            wanted = "repeat"
        elif held is not None:
            wanted = "too_early" if reach > held[0] else "repeat"
        place = self.next_place()
        assert self.suppression.admission(job, place, newest_run) == wanted
        if wanted == "admitted":
            self.in_hand[delivery] = (reach, place)
        elif wanted == "too_early":
            self.put_off.append((a_record(delivery, reach, "defer"), place))

    @rule(delivery=deliveries, step=steps)
    def settle(self, delivery, step):
        if delivery in self.in_hand:
            reach, place = self.in_hand.pop(delivery)
            self.records.append(a_record(delivery, reach, step))
            self.suppression.settled(self.records[-1], place)

    @rule()
    def record_what_was_put_off(self):
        """Whatever was read meanwhile, and under whichever assignment."""
        if self.put_off:
            noted, place = self.put_off.pop(0)
            self.records.append(noted)
            self.suppression.settled(noted, place)

    @rule(delivery=deliveries)
    def close_in_its_turn(self, delivery):
        held = self.in_hand.get(delivery)
        if held is not None and self.is_on_record(delivery, held[0]):
            del self.in_hand[delivery]
            self.suppression.closed(delivery, held[1])

    @rule(delivery=deliveries, reach=reaches, step=steps)
    def read_back(self, delivery, reach, step):
        self.records.append(a_record(delivery, reach, step))
        self.suppression.note(self.records[-1])

    @rule(delivery=deliveries, reach=reaches, step=steps)
    def settle_late(self, delivery, reach, step):
        self.records.append(a_record(delivery, reach, step))
        self.suppression.settled(self.records[-1], Place(JOBS, 0, 0, 1))

    @rule(epoch=st.integers(1, 9))
    def lose(self, epoch):
        self.suppression.let_go(frozenset({epoch}))
        self.in_hand = {key: it for key, it in self.in_hand.items() if it[1].epoch != epoch}
        self.epoch = max(self.epoch, epoch + 1)

    @rule()
    def forget_all(self):
        """A process that starts anew."""
        self.suppression = Suppression()
        self.records.clear()
        self.in_hand.clear()
        self.put_off.clear()

    @invariant()
    def counts_agree(self):
        assert self.suppression.in_hand == len(self.in_hand)
        assert len(self.suppression) == len({it.delivery_id for it in self.records})


def is_settled_by(record, reach):
    """Whether a record of the same run has settled the job, or what could follow from it."""
    return (
        record.step == "end"
        or reach.attempt < record.attempt
        or (
            reach.attempt == record.attempt
            and (record.step == "retry" or reach.deferrals <= record.deferrals)
        )
    )


SuppressionMachine.TestCase.settings = settings(
    derandomize=True, deadline=None, max_examples=200, stateful_step_count=30
)
test_suppression = SuppressionMachine.TestCase
