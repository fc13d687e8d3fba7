"""What an event must have led to is there, and what cannot be read is among the dead letters."""

import pytest

from pipeline.audit_records import JobBrief
from pipeline.auditing import At, Ledger, Lost, Seen
from schemas.codec import encode
from tests.support.builders import a_job

JOB = JobBrief.model_validate_json(encode(a_job()))
ID = JOB.delivery_id
JOBS = At("jobs", 3, 17)
TIER = At("retry.5s", 1, 2)
EVENT = At("activities", 2, 9)
LOST = [Lost("delivery", ID, JOBS)]


class TestEvents:
    def test_a_delivery_that_an_event_is_owed_to_must_be_somewhere(self):
        ledger = Ledger()
        ledger.owed(ID, Seen(EVENT), is_certain=True)

        assert ledger.balance().lost == [Lost("delivery", ID, EVENT)]

        ledger.job(JOB, Seen(JOBS, waits=True))

        assert ledger.balance().lost == []

    def test_an_event_that_is_a_dead_letter_owes_nothing(self):
        ledger = Ledger()
        ledger.owed(ID, Seen(EVENT, is_dead=True), is_certain=True)

        assert (ledger.balance().dead, ledger.balance().lost) == (1, [])

    def test_but_the_jobs_that_it_led_to_count(self):
        """Of two jobs one may have been too large to be written."""
        ledger = Ledger()
        ledger.job(JOB, Seen(JOBS))
        ledger.owed(ID, Seen(EVENT, is_dead=True), is_certain=True)
        ledger.owed(ID, Seen(EVENT, is_dead=True), is_certain=True)

        assert ledger.balance().lost == LOST

    def test_what_only_might_be_owed_is_not_lost(self):
        ledger = Ledger()
        ledger.owed(ID, Seen(EVENT), is_certain=False)

        assert (ledger.balance().unjudged, ledger.balance().deliveries) == (1, 0)

    def test_what_might_be_owed_and_was_begun_must_end(self):
        ledger = Ledger()
        ledger.job(JOB, Seen(JOBS, counts=False))
        ledger.owed(ID, Seen(EVENT), is_certain=False)

        assert (ledger.balance().unjudged, ledger.balance().lost) == (0, LOST)

    def test_an_event_that_was_put_off_must_come_back(self):
        ledger = Ledger()
        ledger.delayed("ev_1", TIER)

        assert ledger.balance().lost == [Lost("event", "ev_1", TIER)]

        ledger.came_back("ev_1")

        assert ledger.balance().lost == []


class TestUnreadable:
    @pytest.mark.parametrize(
        ("seen", "lost", "waiting"),
        [
            (Seen(JOBS), [Lost("record", "", JOBS)], {}),
            (Seen(JOBS, is_dead=True), [], {}),
            (Seen(JOBS, counts=False), [], {}),
            (Seen(JOBS, waits=True), [], {"jobs": 1}),
        ],
    )
    def test_it_must_be_a_dead_letter_once_it_was_taken(self, seen, lost, waiting):
        ledger = Ledger()
        ledger.unreadable(seen)

        assert (ledger.balance().lost, ledger.balance().waiting) == (lost, waiting)
