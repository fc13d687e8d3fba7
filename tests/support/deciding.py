"""A sender's decisions about the jobs of one webhook, carried out by hand."""

from __future__ import annotations

from pipeline.assignments import Place
from pipeline.commands import Close, OpenJob, Start
from pipeline.endpoints import WAIT_MS_MAX
from pipeline.outcomes import Answered, Exchange
from pipeline.sending import Sending
from schemas.attempt import Response, SentRequest, Timings
from schemas.topics import JOBS
from tests.support.builders import NOW_MS, a_job, a_webhook, an_account, an_activity, an_event
from tests.support.configs import configs_of

REQUEST = SentRequest(method="POST", url="", headers=(), body="", body_bytes=0)
LATER = NOW_MS + WAIT_MS_MAX


class Sender:
    """Decisions about the jobs of one webhook; each job is a number, and so is its activity."""

    def __init__(self, **webhook):
        self.configs = configs_of(an_account(), a_webhook(**webhook))
        self.sending = Sending(self.configs, lambda: 0.5)

    def open_job(self, number, activity=1, *, epoch=1, sequence=None, **job):
        event = an_event(activity=an_activity(id=activity), event_id=f"{number}", sequence=sequence)
        given = {"first_queued_at_ms": NOW_MS + number, "config_offset": 1, **job}
        return OpenJob(Place(JOBS, 3, epoch, number), a_job(event=event, **given), "")

    def read(self, number, activity=1, *, now_ms=NOW_MS, **given):
        """Take in a job; what is written of jobs because of that."""
        return self.sending.take_in(self.open_job(number, activity, **given), now_ms=now_ms)

    def start(self, now_ms=NOW_MS):
        return {
            it.open_job.place.offset: it.open_job
            for it in self.sending.start(now_ms)
            if isinstance(it, Start)
        }

    def answer(self, started, result=200, now_ms=NOW_MS):
        if isinstance(result, int):
            result = Answered(Response(status=result))
        exchange = Exchange(REQUEST, result, Timings())
        return self.sending.ended(started, exchange, now_ms=now_ms)

    def write(self, commands, now_ms=NOW_MS):
        """Have it all acknowledged; what follows."""
        return [
            follows
            for it in commands
            for follows in self.sending.written(it.open_job, it.settlement, 41, now_ms=now_ms)
            if not isinstance(follows, Close)
        ]

    def deliver(self, started, result=200, now_ms=NOW_MS):
        return self.write(self.answer(started, result, now_ms), now_ms)


def reasons(commands):
    return [it.settlement.attempt.reason for it in commands]
