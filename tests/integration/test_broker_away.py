"""A sender and a scheduler whose broker goes away and comes back."""

from __future__ import annotations

from sqlalchemy import func, select

from agents.history.engine import Database
from agents.history.tables import ATTEMPTS
from pipeline.settings import Settings
from tests.support.builders import a_webhook, an_account
from tests.support.pipelines import a_pipeline
from tests.support.waiting import eventually

QUIET_S = 60


def test_while_the_broker_is_away_agents_are_not_ready_and_then_they_are_again(
    own_broker, tmp_path, endpoint
):
    with a_pipeline(own_broker.bootstrap_servers, tmp_path) as pipeline:
        offset = pipeline.apply(an_account(), a_webhook(url=endpoint.url()))
        recorder = pipeline.start("recorder", HOOKLINE_DATA_DIR=str(tmp_path))
        agents = [pipeline.start("sender"), pipeline.start("scheduler"), recorder]
        for agent in agents:
            agent.wait_ready()
        own_broker.stop()
        for agent in agents:
            eventually(lambda it=agent: it.conditions().get("broker_answers") is False, QUIET_S)
        own_broker.start()
        for agent in agents:
            agent.wait_ready(QUIET_S)
        pipeline.produce_jobs(20, ["crm"], offset)
        eventually(lambda: len(endpoint.counts()) == 20, QUIET_S)
        eventually(lambda: recorded_in(tmp_path) == 20, QUIET_S)

        assert [agent.stop() for agent in agents] == [0, 0, 0]
        assert set(endpoint.counts().values()) == {1}


def recorded_in(directory):
    """How many attempts the history of a directory has."""
    database = Database(Settings(data_dir=directory))
    with database.reading() as connection:
        found = connection.execute(select(func.count()).select_from(ATTEMPTS)).scalar_one()
    database.close()
    return found


def test_an_agent_that_is_told_to_stop_while_the_broker_is_away_ends(
    own_broker, tmp_path, endpoint
):
    with a_pipeline(own_broker.bootstrap_servers, tmp_path) as pipeline:
        offset = pipeline.apply(an_account(), a_webhook(url=endpoint.url()))
        sender = pipeline.start("sender")
        sender.wait_ready()
        pipeline.produce_jobs(20, ["crm"], offset)
        pipeline.attempts(20)
        own_broker.stop()
        assert sender.stop(QUIET_S) == 0
        own_broker.start()
