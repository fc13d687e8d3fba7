"""What a sender decides when there is no room, and when a result has come too late."""

from pipeline.assignments import Place
from pipeline.commands import OpenJob, Start, Write
from pipeline.endpoints import QUEUE_MAX
from pipeline.limits import CONCURRENCY_START
from pipeline.sending import Sending
from pipeline.suppression import Noted
from schemas.topics import JOBS
from tests.simulation.endpoints import configs
from tests.support.builders import NOW_MS, a_job, an_event
from tests.support.deciding import Sender


def a_read_job(number, epoch=1):
    job = a_job(webhook_id="fine", event=an_event(event_id=f"e{number}"), config_offset=0)
    return OpenJob(Place(JOBS, 0, epoch, number), job, "trace")


def test_one_job_too_many_for_its_endpoint_is_put_off():
    """And neither dropped nor kept here: its records say when it comes again."""
    sending = Sending(configs(), lambda: 0.5)
    for number in range(QUEUE_MAX):
        assert sending.take_in(a_read_job(number), now_ms=NOW_MS) == []

    commands = sending.take_in(a_read_job(QUEUE_MAX), now_ms=NOW_MS)

    assert [type(it) for it in commands] == [Write]
    settlement = commands[0].settlement
    assert (settlement.attempt.outcome, settlement.attempt.reason) == (
        *("deferred", "endpoint_queue_full"),
    )
    assert settlement.parked.job.delivery_id == a_read_job(QUEUE_MAX).job.delivery_id
    assert sending.waiting.queued("new") == QUEUE_MAX
    assert len(sending.start(NOW_MS)) == CONCURRENCY_START


def test_a_late_result_that_is_read_back_makes_no_repeat_of_the_job():
    """Whoever has the partition now decides on it: nobody else will."""
    sending = Sending(configs(), lambda: 0.5)
    read = a_read_job(1)
    sending.read_back([Noted(read.job.delivery_id, 1, 0, "late")])

    sending.take_in(read, now_ms=NOW_MS)

    assert sending.start(NOW_MS) == [Start(read)]


def test_an_endpoint_that_says_it_has_too_much_gets_fewer_at_once():
    sender = Sender()
    sender.read(1)
    sender.deliver(sender.start()[1], 429)
    for number in range(2, 6):
        sender.read(number)
    assert len(sender.start()) < CONCURRENCY_START
