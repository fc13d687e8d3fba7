"""Topics full of records, and the history that they tell, worked out without the recorder."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Table, func, select

from agents.history.engine import Database
from agents.history.tables import (
    ACTIVITIES,
    ACTIVITY_BODIES,
    ATTEMPTS,
    DELIVERIES,
    EVENTS,
    EXCHANGES,
    SNAPSHOTS,
)
from pipeline.history import Place, attempt_rows, event_rows
from pipeline.settings import Settings
from schemas import topics
from schemas.attempt import Attempt
from schemas.codec import Malformed, decode, encode
from schemas.event import Event, read_event
from tests.support.builders import NOW_MS, an_activity, an_attempt, an_event
from tests.support.pipelines import Pipeline

TABLES = (ACTIVITIES, ACTIVITY_BODIES, EVENTS, SNAPSHOTS, DELIVERIES, ATTEMPTS, EXCHANGES)

Contents = dict[str, set[tuple[Any, ...]]]


def some_events(count: int, seed: int = 0) -> list[Event]:
    """Events of fewer activities, some of them resent, with and without sequence, out of order."""
    draw = random.Random(seed)  # noqa: S311 - what is drawn is no secret
    drawn = []
    for number in range(count):
        activity = an_activity(id=number // 4, talk_time=number, notes="é" * draw.randrange(40))
        sequence = draw.choice([None, number % 4])
        drawn.append(an_event(event_id=f"ev_{number}", activity=activity, sequence=sequence))
    drawn += draw.sample(drawn, count // 10)
    draw.shuffle(drawn)
    return drawn


def some_attempts(count: int, seed: int = 0) -> list[Attempt]:
    """Records of fewer deliveries, which fail, are put off, run again and end, out of order."""
    draw = random.Random(seed)  # noqa: S311
    ends = [
        {"outcome": "delivered", "reason": "2xx", "next": {"step": "end"}},
        {"outcome": "failed", "reason": "5xx", "next": {"step": "end"}},
        {"outcome": "failed", "reason": "5xx", "next": {"step": "late"}},
        {"outcome": "skipped", "reason": "disabled", "next": {"step": "end"}},
    ]
    goes_on = [
        {"outcome": "failed", "reason": "5xx", "next": {"step": "retry", "tier": "5s"}},
        {"outcome": "deferred", "reason": "rate", "next": {"step": "defer", "tier": "30s"}},
    ]
    request = {"method": "POST", "url": "https://crm.example.com/in", "headers": []}
    drawn = []
    for number in range(count):
        body = "x" * draw.randrange(200)
        drawn.append(
            an_attempt(
                delivery_id=f"dl_{number // 3}",
                webhook_id=f"crm{number // 3 % 20}",
                attempt=draw.randint(1, 3),
                rerun=draw.choice([0, 0, 0, 1]),
                deferrals=draw.choice([0, 0, 1]),
                at_ms=NOW_MS + number,
                request=draw.choice([None, {**request, "body": body, "body_bytes": len(body)}]),
                **draw.choice(ends + 2 * goes_on),
            )
        )
    draw.shuffle(drawn)
    return drawn


def produce(pipeline: Pipeline, records: Iterable[Event | Attempt]) -> None:
    """Write records to their topics; all are acknowledged on return."""
    for record in records:
        topic = topics.ACTIVITIES if isinstance(record, Event) else topics.ATTEMPTS
        is_event = isinstance(record, Event)
        key = record.key if is_event else f"{record.account_id}:{record.webhook_id}".encode()
        pipeline.producer.produce(pipeline.topic(topic), encode(record), key)
        pipeline.producer.poll(0)
    assert pipeline.producer.flush(30) == 0


def told(pipeline: Pipeline) -> Contents:
    """What the topics tell: every row that counts, worked out one record at a time."""
    rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in TABLES}
    for name, message in _messages(pipeline):
        place = Place(message.partition(), message.offset(), message.timestamp()[1])
        value = message.value() or b""
        try:
            if name == topics.ACTIVITIES:
                made = event_rows(read_event(value), place)
                found = (made.activity, made.activity_body, made.event, made.snapshot)
                for table, row in zip(TABLES[:4], found, strict=True):
                    rows[table].append(row)
            else:
                made = attempt_rows(decode(Attempt, value), place)
                found = (made.delivery, made.attempt, made.exchange)
                for table, row in zip(TABLES[4:], found, strict=True):
                    rows[table] += [] if row is None else [row]
        except Malformed:
            continue
    return {table.name: _counting(table, found) for table, found in rows.items()}


def kept(database: Database) -> Contents:
    """What the history has."""
    with database.reading() as connection:
        return {
            table.name: {_hashed(row._mapping) for row in connection.execute(select(table))}  # noqa: SLF001 - its public name
            for table in TABLES
        }


def rows_in(database: Database) -> int:
    """How many rows the history has."""
    with database.reading() as connection:
        counts = [select(func.count()).select_from(table) for table in TABLES]
        return sum(connection.execute(each).scalar_one() for each in counts)


def environment_of(settings: Settings) -> dict[str, str]:
    """The database of `settings` for an agent, which is to keep what happened at `NOW_MS`."""
    return {
        "HOOKLINE_DATA_DIR": str(settings.data_dir),
        "HOOKLINE_DATABASE_URL": settings.database_url or "",
        "HOOKLINE_BODIES_DAYS": "3650",
        "HOOKLINE_ATTEMPTS_DAYS": "3650",
    }


def _messages(pipeline: Pipeline) -> list[tuple[str, Any]]:
    found = []
    for name in (topics.ACTIVITIES, topics.ATTEMPTS):
        reader = pipeline.reader(name)
        end = reader.end()
        while len(reader.messages) < end:
            reader.poll()
        reader.close()
        found += [(name, message) for message in reader.messages]
    return found


def _counting(table: Table, rows: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """The rows that are left of these, as `kept` gives them."""
    best: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[column.name] for column in table.primary_key)
        if key not in best or _is_better(table, row, best[key]):
            best[key] = row
    return {_hashed(row) for row in best.values()}


def _is_better(table: Table, row: dict[str, Any], other: dict[str, Any]) -> bool:
    if "rank" in table.c:
        return row["rank"] > other["rank"]
    place = ("at_ms", "partition", "offset")
    return [row[name] for name in place] < [other[name] for name in place]


def _hashed(row: Any) -> tuple[Any, ...]:
    """A row's values by column, with a hash for a body."""
    return tuple(
        (name, hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value)
        for name, value in sorted(row.items())
    )
