"""10,000 events while one of two senders is killed with SIGKILL midway and started again.

    python -m tests.chaos.sender_kill --events 10000 --kills 1

Everything is real: broker, matcher, senders, scheduler, endpoint. At the end every delivery must
have arrived; repeats are counted and compared with what was in flight at the kills.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from schemas.ids import delivery_id
from schemas.topics import JOBS, JOBS_REPLAY, JOBS_RETRY
from tests.support.brokers import a_broker
from tests.support.builders import ACCOUNT_ID, a_webhook, an_account
from tests.support.endpoints import Endpoint, an_endpoint
from tests.support.pipelines import SENDERS, Pipeline, a_pipeline
from tests.support.waiting import eventually

WEBHOOKS = 50
# An endpoint that takes its time keeps requests in flight at the moment of a kill.
ENDPOINT_DELAY_S = 0.02
QUIET_S = 120


def run(pipeline: Pipeline, endpoint: Endpoint, events: int, kills: int) -> bool:
    webhook = [
        a_webhook(id=f"w{n}", url=endpoint.url(f"/w{n}"), filter=_shard(n)) for n in range(WEBHOOKS)
    ]
    pipeline.apply(an_account(), *webhook)
    senders = [pipeline.start("sender"), pipeline.start("sender")]
    for agent in (*senders, pipeline.start("matcher"), pipeline.start("scheduler")):
        agent.wait_ready()
    owed = {delivery_id(f"e{n}", f"w{n % WEBHOOKS}", ACCOUNT_ID) for n in range(events)}
    began_s = time.monotonic()
    for number in range(events):
        pipeline.publish_raw(f"e{number}".encode(), an_event_of(number))
    assert pipeline.producer.flush(60) == 0

    flying = 0
    for kill in range(kills):
        wanted = events * (kill + 1) // (kills + 1)
        eventually(lambda wanted=wanted: len(endpoint.arrivals) >= wanted, QUIET_S)
        flying += endpoint.waiting
        senders[0].kill()
        senders = [senders[1], pipeline.start("sender")]
    eventually(lambda: owed <= set(endpoint.counts()), QUIET_S)
    took_s = time.monotonic() - began_s
    eventually(lambda: pipeline.backlog(SENDERS, [JOBS, JOBS_RETRY, JOBS_REPLAY]) == 0, QUIET_S)
    return report(endpoint.counts(), owed, kills, flying, took_s)


def report(counts: Counter[str], owed: set[str], kills: int, flying: int, took_s: float) -> bool:
    lost, foreign = len(owed - set(counts)), len(set(counts) - owed)
    repeated = sum(counts.values()) - len(counts)
    click.echo(
        f"{len(owed)} events, {kills} SIGKILL: {lost} lost, {foreign} unknown, {repeated} repeated "
        f"(at the endpoint {flying} requests were in flight at the kills, of both senders), "
        f"all there after {took_s:.1f} s"
    )
    click.echo(
        "A repeat is a request that the killed sender had made, or was making, and whose attempt "
        "it had not recorded: nobody can know whether the endpoint took it."
    )
    return not lost and not foreign


def an_event_of(number: int) -> bytes:
    """An event that one webhook's filter accepts."""
    activity = {"id": f"e{number}", "shard": number % WEBHOOKS}
    event = {"event_id": f"e{number}", "account_id": ACCOUNT_ID, "phase": "end"}
    return json.dumps({**event, "activity": activity}).encode()


def _shard(number: int) -> dict[str, object]:
    return {"all": [{"field": "shard", "op": "eq", "value": number}]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=1)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        a_broker("embedded", Path(directory)) as broker,
        a_pipeline(broker, Path(directory)) as pipeline,
        an_endpoint(delay_s=ENDPOINT_DELAY_S) as endpoint,
    ):
        good = run(pipeline, endpoint, given.events, given.kills)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
