"""How fast a recorder fills a history, and how long searches in a large one take.

    python -m tests.benchmarks.history [--attempts 1000000] [--database postgresql://…]

In SQLite on a temporary directory, unless a PostgreSQL is named; one account has all of it, a
webhook of its fifty has half. Records go the recorder's way from their bytes on, in transactions of
its size, without a broker. Searches are the API's, from the question to the rows with their
bodies, with values drawn anew each time. Exit code 1 when one for an activity, or for a webhook and
a status, takes more than 50 ms at the 95th percentile.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median, quantiles

import click

from agents.history.engine import Database
from agents.history.queries import Found, Part
from agents.history.reading import HistoryReader, SearchTooLongError
from agents.history.schema import bring_up_to_date
from agents.history.search import AttemptSearch, DeliverySearch, Window
from agents.recorder.intake import taken
from agents.recorder.keeping import Keeper
from agents.recorder.recorder import BATCH_RECORDS
from pipeline.settings import Settings
from schemas.codec import encode
from tests.support.builders import ACCOUNT_ID, NOW_MS, an_activity, an_attempt, an_event

WEBHOOKS = 50
ATTEMPTS_OF_AN_ACTIVITY = 4
BODY = '{"id":4379952365,"name":"Ann Lee","source":"Google Ads","talk_time":42,"notes":"%s"}'
PAGE = Part(50)
REPEATS = 40
WANTED_MS = 50
NAMES = {"activities": "activities", "attempts": "attempts"}


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a consumer hands it out."""

    name: str
    at: int
    data: bytes

    def topic(self) -> str:
        return self.name

    def partition(self) -> int:
        return self.at % 8

    def offset(self) -> int:
        return self.at // 8

    def value(self) -> bytes:
        return self.data

    def key(self) -> bytes:
        return b""

    def timestamp(self) -> tuple[int, int]:
        return 1, NOW_MS + self.at


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--database", help="the address of an empty PostgreSQL database")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(data_dir=Path(directory), database_url=given.database)
        fill(settings, given.attempts)
        worst_ms = asyncio.run(search(settings, given.attempts))
    return 0 if worst_ms <= WANTED_MS else 1


def fill(settings: Settings, attempts: int) -> None:
    """Write a history as a recorder does, and show how fast."""
    database = Database(settings)
    bring_up_to_date(database)
    keeper = Keeper(database, NAMES)
    for name, records in (
        ("activities", events(attempts // ATTEMPTS_OF_AN_ACTIVITY)),
        ("attempts", tries(attempts)),
    ):
        took_s, count = 0.0, 0
        while batch := list(islice(records, BATCH_RECORDS)):  # made outside of what is timed
            began_s = time.perf_counter()
            keeper.keep(taken(batch, NAMES))  # type: ignore[arg-type]  # all it asks of messages
            took_s += time.perf_counter() - began_s
            count += len(batch)
        click.echo(f"{name:>12}: {count:,} records in {took_s:.0f} s, {count / took_s:,.0f}/s")
    database.close()
    size = sum(each.stat().st_size for each in settings.data_dir.iterdir())
    if size:
        click.echo(f"{'file':>12}: {size / 2**20:,.0f} MiB")


def events(count: int) -> Iterator[Record]:
    """An ended call each, of about a kilobyte."""
    for number in range(count):
        activity = an_activity(id=number, unix_time=NOW_MS // 1_000 + number, notes="n" * 700)
        yield Record("activities", number, encode(an_event(activity=activity)))


def tries(count: int) -> Iterator[Record]:
    """Attempts of four deliveries for each activity: one in twenty fails, few get a 404."""
    draw = random.Random(7)  # noqa: S311 - what is drawn is no secret
    for number in range(count):
        yield Record("attempts", number, encode(_attempt(number, draw)))


def _attempt(number: int, draw: random.Random):
    webhook = 0 if number % 2 else draw.randrange(1, WEBHOOKS)
    status = 404 if number % 997 == 0 else 503 if draw.random() < 0.05 else 200
    body = BODY % ("n" * draw.randrange(400, 900))
    ended = {"outcome": "delivered", "reason": "delivered", "next": {"step": "end"}}
    retried = {"step": "retry", "tier": "5s", "due_at_ms": NOW_MS + number}
    failed = {"outcome": "failed", "reason": f"http_{status}", "next": retried}
    return an_attempt(
        delivery_id=f"dl_{number:026}",
        webhook_id=f"crm-{webhook}",
        activity_id=str(number // ATTEMPTS_OF_AN_ACTIVITY),
        at_ms=NOW_MS + number,
        first_queued_at_ms=NOW_MS + number,
        request={
            "method": "POST",
            "url": f"https://crm.example.com/in/{webhook}?call={number}",
            "headers": [["Content-Type", "application/json"], ["webhook-id", f"dl_{number:026}"]],
            "body": body,
            "body_bytes": len(body),
        },
        response={"status": status, "headers": [["Content-Type", "text/plain"]], "body": "ok"},
        timings={"queue_ms": 1.2, "first_byte_ms": 12.5, "total_ms": 12.9},
        **(ended if status == 200 else failed),
    )


class Questions:
    """What is asked of the log and of the deliveries, with values drawn anew each time."""

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts
        self._draw = random.Random(11)  # noqa: S311 - what is drawn is no secret

    def webhook(self) -> str:
        return f"crm-{self._draw.choice([0, self._draw.randrange(1, WEBHOOKS)])}"

    def activity(self) -> str:
        return str(self._draw.randrange(self._attempts // ATTEMPTS_OF_AN_ACTIVITY))

    def deep(self) -> Part:
        return Part(50, (NOW_MS + self._draw.randrange(self._attempts), 0, 0))

    def call(self) -> str:
        return f"call={self._draw.randrange(self._attempts)}"

    def log(self) -> dict[str, Callable[[], tuple[AttemptSearch, Part]]]:
        find, webhook = AttemptSearch, self.webhook
        hour = Window(NOW_MS, NOW_MS + 3_600_000)
        return {
            "* activity": lambda: (find(activity_id=self.activity()), PAGE),
            "* activity and webhook": lambda: (
                find(activity_id=self.activity(), webhook_id=webhook()),
                PAGE,
            ),
            "* webhook and 503": lambda: (find(webhook_id=webhook(), status=503), PAGE),
            "* webhook and 404, rare": lambda: (find(webhook_id=webhook(), status=404), PAGE),
            "* webhook and 5xx": lambda: (find(webhook_id=webhook(), status_class=5), PAGE),
            "* the same, some page": lambda: (
                find(webhook_id=webhook(), status_class=5),
                self.deep(),
            ),
            "webhook": lambda: (find(webhook_id=webhook()), PAGE),
            "webhook, in an hour": lambda: (find(webhook_id=webhook(), window=hour), PAGE),
            "everything, some page": lambda: (find(), self.deep()),
            "everything that failed": lambda: (find(outcome="failed"), PAGE),
            "one call in the URL": lambda: (find(webhook_id="crm-7", url=self.call()), PAGE),
        }

    def deliveries(self) -> dict[str, Callable[[], DeliverySearch]]:
        find, webhook = DeliverySearch, self.webhook
        return {
            "deliveries, retrying": lambda: find(status="retrying"),
            "deliveries of a webhook": lambda: find(webhook_id=webhook()),
            "* the same, retrying": lambda: find(webhook_id=webhook(), status="retrying"),
        }


async def search(settings: Settings, attempts: int) -> float:
    """Show how long searches take; the worst of those that have a limit, in milliseconds."""
    reader, questions = HistoryReader(settings), Questions(attempts)
    click.echo(f"\n{'search':>28}  {'p50':>8} {'p95':>8} {'max':>8}  rows")
    worst_ms = 0.0
    for name, drawn in questions.log().items():
        found_ms = await timed(name, lambda d=drawn: reader.attempts(ACCOUNT_ID, *d()))
        worst_ms = max(worst_ms, found_ms)
    for name, asked in questions.deliveries().items():
        found_ms = await timed(name, lambda a=asked: reader.deliveries(ACCOUNT_ID, a(), PAGE))
        worst_ms = max(worst_ms, found_ms)
    await vain(reader)
    reader.close()
    return worst_ms


async def timed(name: str, ask: Callable[[], object]) -> float:
    """Show one search's times; its 95th percentile when it has a limit, else 0."""
    took_ms, rows = [], 0
    for _ in range(REPEATS):
        began_s = time.perf_counter()
        found = await ask()
        took_ms.append((time.perf_counter() - began_s) * 1_000)
        assert isinstance(found, Found)
        rows = max(rows, len(found.rows))
    p95_ms = quantiles(took_ms, n=20)[-1]
    click.echo(
        f"{name:>28}  {median(took_ms):5.1f} ms {p95_ms:5.1f} ms {max(took_ms):5.1f} ms  {rows}"
    )
    return p95_ms if name.startswith("*") else 0.0


async def vain(reader: HistoryReader) -> None:
    """The worst search: for a text that no URL of the account has."""
    began_s = time.perf_counter()
    try:
        await reader.attempts(ACCOUNT_ID, AttemptSearch(url="nowhere"), PAGE)
        ended = "found nothing"
    except SearchTooLongError:
        ended = "given up"
    click.echo(f"{'a text in no URL':>28}  {ended} after {time.perf_counter() - began_s:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
