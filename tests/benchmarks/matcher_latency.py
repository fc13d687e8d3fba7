"""How long an event takes from its producer to the matcher, and on to the jobs topic.

python -m tests.benchmarks.matcher_latency --bootstrap 127.0.0.1:9092 --rate 200 --seconds 20
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import click

from tests.support.matchers import Installation, TopicReader

WARM_UP_EVENTS = 200


def measure(installation: Installation, rate: int, seconds: int) -> dict[str, list[float]]:
    """Milliseconds from being produced to being decided on, and to the job being read."""
    worker = installation.start_worker()
    worker.wait_ready()
    reader = installation.reader()
    installation.publish(f"warm{n}" for n in range(WARM_UP_EVENTS))
    reader.wait_for(WARM_UP_EVENTS, 20)
    decided: list[float] = []
    read: list[float] = []
    begin_s = time.time()
    for number in range(rate * seconds):
        while time.time() < begin_s + number / rate:
            _collect(reader, decided, read)
        _publish(installation, number)
    deadline_s = time.time() + 5
    while len(read) < rate * seconds and time.time() < deadline_s:
        _collect(reader, decided, read)
    worker.stop()
    return {"produced to decided": decided, "produced to job read": read}


def _publish(installation: Installation, number: int) -> None:
    value = {
        "event_id": f"m{number}",
        "account_id": 25,
        "phase": "end",
        "activity": {"id": number, "sent_at_s": time.time()},
    }
    installation.publish_raw(str(number).encode(), json.dumps(value).encode())


def _collect(reader: TopicReader, decided: list[float], read: list[float]) -> None:
    message = reader.poll_one(0.0005)
    if message is None:
        return
    now_s = time.time()
    job = json.loads(message.value())
    sent_at_s = job["event"]["activity"].get("sent_at_s")
    if sent_at_s is not None:
        decided.append(job["first_queued_at_ms"] - sent_at_s * 1_000)
        read.append((now_s - sent_at_s) * 1_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--webhooks", type=int, default=2_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        installation = Installation(options.bootstrap, Path(directory))
        installation.create()
        installation.fill(options.webhooks)
        try:
            for name, values in measure(installation, options.rate, options.seconds).items():
                values.sort()
                p50, p95, p99 = (values[int(len(values) * q)] for q in (0.5, 0.95, 0.99))
                click.echo(f"{name}: n={len(values)} p50={p50:.1f} p95={p95:.1f} p99={p99:.1f} ms")
        finally:
            installation.remove()


if __name__ == "__main__":
    main()
