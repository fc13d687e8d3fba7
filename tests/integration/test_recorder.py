"""The recorder on a real broker, and on both kinds of database."""

from __future__ import annotations

import psycopg

from agents.history.engine import Database
from agents.history.tables import ACTIVITIES as ACTIVITY_ROWS
from agents.history.writing import empty
from agents.kafka.groups import RECORDERS
from pipeline.settings import Settings
from schemas.topics import ACTIVITIES, ATTEMPTS
from tests.support.databases import a_new_database
from tests.support.recordings import (
    environment_of,
    kept,
    produce,
    rows_in,
    some_attempts,
    some_events,
    told,
)
from tests.support.waiting import eventually

CAUGHT_UP_S = 60


def until_caught_up(pipeline):
    """Wait until the recorders have committed all there is, which they do after the database."""
    eventually(lambda: pipeline.backlog(RECORDERS, [ACTIVITIES, ATTEMPTS]) == 0, CAUGHT_UP_S)


def test_a_recorder_that_is_killed_again_and_again_writes_the_history_that_the_topics_tell(
    pipeline, database_settings
):
    environment = environment_of(database_settings)
    events, attempts = some_events(2_000), some_attempts(4_000)
    recorder = pipeline.start("recorder", **environment)
    recorder.wait_ready()
    database = Database(database_settings)
    for part in range(2):
        before = rows_in(database)
        produce(pipeline, events[part::2] + attempts[part::2])
        # Just when it has begun to write them.
        eventually(lambda seen=before: rows_in(database) > seen, CAUGHT_UP_S)
        recorder.kill()
        recorder = pipeline.start("recorder", **environment)
    until_caught_up(pipeline)

    assert recorder.stop() == 0
    assert kept(database) == told(pipeline)
    database.close()


def test_an_emptied_history_is_filled_again_whatever_else_the_topics_hold(pipeline, tmp_path):
    settings = Settings(data_dir=tmp_path)
    for value in (b"not JSON", None, b'{"account_id":25}'):
        pipeline.publish_raw(b"25:1", value)
    pipeline.producer.produce(pipeline.topic(ATTEMPTS), b"{}", b"25:crm")
    produce(pipeline, some_events(20) + some_attempts(20))
    recorder = pipeline.start("recorder", **environment_of(settings))
    until_caught_up(pipeline)
    database = Database(settings)
    expected = told(pipeline)
    assert kept(database) == expected
    assert recorder.log.read_text().count('"history.unreadable"') == 4

    with database.changing() as connection:
        empty(connection)
    eventually(lambda: kept(database) == expected, CAUGHT_UP_S)
    assert recorder.stop() == 0

    with database.writing() as connection:
        connection.execute(ACTIVITY_ROWS.update().values(phase="wrong"))
    rebuilding = pipeline.start("recorder", "--rebuild", **environment_of(settings))
    eventually(lambda: kept(database) == expected, CAUGHT_UP_S)
    assert rebuilding.stop() == 0
    database.close()


def test_while_the_database_is_away_the_recorder_holds_on_and_then_it_catches_up(
    pipeline, postgresql, tmp_path
):
    settings = Settings(data_dir=tmp_path, database_url=a_new_database(postgresql))
    recorder = pipeline.start("recorder", **environment_of(settings))
    recorder.wait_ready()
    produce(pipeline, some_events(100))
    until_caught_up(pipeline)

    let_in(postgresql, settings, yes=False)
    produce(pipeline, some_events(100, seed=1) + some_attempts(100))
    eventually(lambda: recorder.conditions() == AWAY, CAUGHT_UP_S)
    let_in(postgresql, settings, yes=True)
    until_caught_up(pipeline)

    assert recorder.ready
    assert recorder.stop() == 0
    database = Database(settings)
    assert kept(database) == told(pipeline)
    database.close()


AWAY = {"assigned": True, "broker_answers": True, "database_answers": False}


def let_in(server, settings, *, yes):
    """Let clients of a database in, or cut them off and keep them out."""
    name = Database(settings).url.database
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {yes}")
        if not yes:
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(cut, [name])
