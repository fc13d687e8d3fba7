"""A sender or scheduler with a fault on purpose, to see that its watchdog notices. Run as a module.

Its argument says which of the two. FAULT: one of the functions below. STALL_S: how soon the
watchdog acts.
"""

# ruff: noqa: SLF001 - faults are where nobody may reach

import asyncio
import os
import sys
import time

import uvloop
from confluent_kafka import Producer

from agents.kafka import turning, watchdog
from agents.kafka.group_consumer import GroupConsumer
from agents.log import configure_logging
from agents.scheduler import run_scheduler, tiers
from agents.sender.consumer import JobConsumer
from agents.sender.run import run_sender
from agents.sender.worker import Worker
from agents.sender.writer import SettlementWriter
from pipeline.settings import Settings

FOR_EVER_S = 3_600
RUN = {"sender": run_sender, "scheduler": run_scheduler}


def no_fetch():
    """Partitions are assigned and never read."""
    on_assign = GroupConsumer._on_assign

    def assign_and_pause(self, consumer, partitions):
        on_assign(self, consumer, partitions)
        consumer.pause(partitions)

    GroupConsumer._on_assign = assign_and_pause


def loop_hangs():
    """The event loop blocks at the first jobs."""
    Worker.on_jobs = lambda _self, _jobs: time.sleep(FOR_EVER_S)


def thread_hangs():
    """The consuming thread blocks at the first record."""
    JobConsumer.take_in = lambda _self, _key, _message: time.sleep(FOR_EVER_S)


def no_reports():
    """The producer takes records and never says what became of them."""

    class MuteProducer(Producer):
        def produce(self, *_arguments, **_more):
            """Take it, and no more."""

    tiers.Producer = MuteProducer


def no_settlement():
    """A job that was sent is never recorded."""

    async def write(_self, _settlement, _trace):
        await asyncio.sleep(FOR_EVER_S)

    JobConsumer.open_s_max = 0
    SettlementWriter.write = write


def none():
    """Nothing is wrong."""


FAULTS = (no_fetch, loop_hangs, thread_hangs, no_reports, no_settlement, none)


if __name__ == "__main__":
    agent = sys.argv[1]
    {it.__name__: it for it in FAULTS}[os.environ["FAULT"]]()
    turning.STALL_S = watchdog.STALL_S = float(os.environ["STALL_S"])
    settings = Settings.parse(os.environ)
    configure_logging(settings, agent=agent)
    uvloop.run(RUN[agent](settings))
