"""The recorder on a real broker, and on both kinds of database."""

from __future__ import annotations

from agents.history.engine import Database
from agents.kafka.groups import RECORDERS
from schemas.topics import ACTIVITIES, ATTEMPTS
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
    eventually(lambda: pipeline.backlog(RECORDERS, [ACTIVITIES, ATTEMPTS]) == 0, CAUGHT_UP_S)

    assert recorder.stop() == 0
    assert kept(database) == told(pipeline)
    database.close()
