"""A minute of chaos: senders and the broker are killed under load, and the books are balanced.

The scripts of `tests/chaos` do the same for longer; this is what every change has to pass.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agents.broker.embedded import EmbeddedBroker
from agents.errors import OperationError
from schemas.topics import ACTIVITIES
from tests.chaos.arrivals import a_receiver, webhooks_for
from tests.chaos.audits import audit_lines, audited
from tests.chaos.evidence import Run
from tests.chaos.ledger import verdict
from tests.chaos.processes import Fleet
from tests.chaos.repeats import Incident
from tests.chaos.report import lines
from tests.chaos.upstream import Upstream
from tests.support.builders import an_account
from tests.support.pipelines import a_pipeline
from tests.support.waiting import eventually

AGENTS = ("matcher1", "sender1", "sender2", "scheduler1")
RATE = 50
# What is killed at the same time; a sender each time, as it has most to lose.
KILLS = (("sender1",), ("sender2", "matcher1", "scheduler1"))
AWAY_S = 3
QUIET_S = 60
# One short tier and the shortest expiry there may be, so that what fails ends soon after the load.
SCHEDULE = ("5s",)
EXPIRE_FINE_S, EXPIRE_UNWELL_S = 600, 60


@pytest.fixture
def own_broker(tmp_path: Path):
    """A broker that may be killed."""
    broker = EmbeddedBroker(tmp_path)
    try:
        broker.start()
    except OperationError as error:
        pytest.skip(f"no Kafka: {error}")
    yield broker
    broker.stop()


@pytest.mark.timeout(300)
def test_nothing_is_lost_while_agents_and_the_broker_are_killed(own_broker, tmp_path):
    servers = own_broker.bootstrap_servers
    with (
        a_pipeline(servers, tmp_path) as pipeline,
        a_receiver(tmp_path / "receiver") as receiver,
        Fleet(tmp_path, lambda _: servers, print, HOOKLINE_TOPIC_PREFIX=pipeline.prefix) as fleet,
    ):
        webhooks = webhooks_for(
            *(receiver.port, 20),
            schedule=SCHEDULE,
            expire_after_s=(EXPIRE_FINE_S, EXPIRE_UNWELL_S),
            delay_ms=100,
        )
        pipeline.apply(an_account(), *webhooks)
        for name in AGENTS:
            fleet.start(name)
        fleet.wait_ready()
        upstream = Upstream(servers, pipeline.topic(ACTIVITIES), RATE, webhooks)
        run = Run(servers, pipeline.prefix, upstream, receiver)
        upstream.start()
        eventually(lambda: arrived(run, RATE), QUIET_S)
        incidents = [killed(fleet, names, run) for names in KILLS]
        incidents.append(away(own_broker, run))
        assert upstream.stop() == 0
        is_quiet = run.wait_quiet(EXPIRE_UNWELL_S + QUIET_S)
        fleet.stop()
        found = verdict(run.books(incidents))
        audit = audited(servers, pipeline.prefix)

    print("\n".join([*lines(found), *audit_lines(audit)]))  # noqa: T201 - shown when what follows fails
    assert is_quiet
    assert found.is_good
    assert found.events == found.published
    assert found.causes["unexplained"] == 0
    assert found.recorded_repeats == ()
    assert audit.is_good
    assert (audit.events, audit.balance.deliveries) == (found.published, found.owed)
    assert audit.balance.ended.total() == found.owed


def arrived(run: Run, count: int) -> bool:
    """Whether so many requests have come."""
    run.read()
    return len(run.receiver.requests) >= count


def killed(fleet: Fleet, names: tuple[str, ...], run: Run) -> Incident:
    """SIGKILL; it is over when the successors are ready and requests come as before."""
    at_s, before = time.time(), [fleet.agents[name] for name in names]
    ports = frozenset[int]().union(*(fleet.ports(name) for name in names))
    for name in names:
        fleet.kill(name)
    eventually(lambda: not any(it in fleet.agents.values() for it in before), QUIET_S)
    fleet.wait_ready()
    came = len(run.receiver.requests)
    eventually(lambda: arrived(run, came + RATE), QUIET_S)
    return Incident(f"{', '.join(names)} killed", at_s, time.time(), ports)


def away(broker: EmbeddedBroker, run: Run) -> Incident:
    """The broker is killed, stays away for a while under load, and comes back with its data."""
    began_s = time.time()
    broker.kill()
    waiting = run.upstream.waiting
    eventually(lambda: run.upstream.waiting >= waiting + RATE * AWAY_S, 10 * AWAY_S)
    broker.start()
    return Incident("broker away", began_s, time.time())
