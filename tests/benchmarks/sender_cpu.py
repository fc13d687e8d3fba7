"""What a sender's event loop costs for each delivery: everything of it but Kafka's client.

    python -m tests.benchmarks.sender_cpu [--deliveries 10000]

Jobs of 1 KB for fifty webhooks go through the real worker, its decisions and its HTTP client, to a
receiver in a process of its own; what is written counts as acknowledged at the loop's next turn.
CPU time, as the median of five runs.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import tempfile
import time
from pathlib import Path

import click
import structlog
import uvloop

from agents.bench.children import ReceiverProcess
from agents.clock import now_ms
from agents.kafka.outgoing import new_job, trace_of
from agents.sender.attempting import Attempter
from agents.sender.consumer import Fetched
from agents.sender.guard import EgressGuard
from agents.sender.http import HttpClient
from agents.sender.opener import SecretOpener
from agents.sender.preparer import Preparer
from agents.sender.worker import Worker
from agents.sender.writer import SettlementWriter
from pipeline.assignments import Place
from pipeline.settings import parse_networks
from schemas.topics import JOBS
from tests.benchmarks.growth import Cost
from tests.support.builders import a_job, a_webhook, an_account, an_activity, an_event
from tests.support.configs import configs_of
from tests.support.histories import NoHistory

WEBHOOKS = 50
PARTITIONS = 8
BODY_BYTES = 1_000
# A consumer hands over some jobs at a time; what is open is bounded as by endpoints' limits.
BATCH = 10
OPEN_MAX = 100
REPEATS = 5


class View:
    """The configuration, which does not change."""

    def __init__(self, port: int) -> None:
        urls = {n: f"http://127.0.0.1:{port}/{n}/fine" for n in range(WEBHOOKS)}
        webhooks = [a_webhook(id=f"w{n}", url=url) for n, url in urls.items()]
        self.configs = configs_of(an_account(), *webhooks)


class Report:
    """A delivery report, or a job as Kafka's client gives it."""

    def __init__(self, number: int, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self.topic, self.key, self.timestamp = lambda: JOBS, lambda: b"", lambda: (1, 0)
        self.partition, self.offset = lambda: number % PARTITIONS, lambda: number
        self.value, self.headers = lambda: value, lambda: headers


class Acknowledging:
    """A publisher whose broker answers at once."""

    def __init__(self) -> None:
        self._loop, self._report = asyncio.get_running_loop(), Report(1, b"", [])

    def send(self, _record: object) -> asyncio.Future[Report]:
        report = self._loop.create_future()
        self._loop.call_soon(report.set_result, self._report)
        return report


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--deliveries", type=int, default=10_000)
    deliveries = parser.parse_args().deliveries
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with (
        tempfile.TemporaryDirectory() as directory,
        ReceiverProcess(Path(directory) / "arrivals") as receiver,
    ):
        taken = [uvloop.run(measured(receiver.port, deliveries)) for _ in range(REPEATS)]
    click.echo(f"{Cost(taken)} of CPU for each delivery, {deliveries} of {BODY_BYTES} bytes")


async def measured(port: int, deliveries: int) -> float:
    """Microseconds of CPU for each of so many deliveries."""
    view, http = View(port), HttpClient(EgressGuard(parse_networks("127.0.0.0/8")), allow_http=True)
    open_jobs, all_done = deliveries, asyncio.Event()

    def complete(_place: Place, _offset: int | None) -> None:
        nonlocal open_jobs
        open_jobs -= 1
        if not open_jobs:
            all_done.set()

    attempter = Attempter(view, http, Preparer(SecretOpener(()), NoHistory(), "http://localhost"))
    publisher = Acknowledging()
    writer = SettlementWriter(publisher, publisher, str)
    worker = Worker(view, attempter, writer, complete, lambda: True)
    jobs = list(fetched(deliveries))
    gc.collect()
    began_s = time.process_time()
    for first in range(0, deliveries, BATCH):
        worker.on_jobs(jobs[first : first + BATCH])
        while open_jobs > deliveries - first - BATCH + OPEN_MAX:  # noqa: ASYNC110 - as it turns
            await asyncio.sleep(0)
    await all_done.wait()
    taken_s = time.process_time() - began_s
    await http.close()
    return taken_s / deliveries * 1e6


def fetched(deliveries: int):
    """Jobs as the consumer hands them over."""
    activity = an_activity(notes="." * BODY_BYTES)
    for number in range(deliveries):
        job = a_job(
            delivery_id=f"dlv_{number:032}",
            webhook_id=f"w{number % WEBHOOKS}",
            event=an_event(activity=activity, event_id=f"e{number}"),
            first_queued_at_ms=now_ms(),
            expires_at_ms=now_ms() + 86_400_000,
        )
        record = new_job(job, trace_of({}))
        headers = [(name, value.encode()) for name, value in record.headers.items()]
        place = Place(JOBS, number % PARTITIONS, 1, number)
        yield Fetched(place, Report(number, record.value or b"", headers))


if __name__ == "__main__":
    main()
