"""An installation whose API is a process, as its agents are, for tests of the whole through it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.api.admin_key import create_admin_key
from pipeline.secret_keys import written
from tests.support.api import Client
from tests.support.commands import NEW, commands_for
from tests.support.pipelines import Pipeline, a_pipeline
from tests.support.waiting import eventually

START_S = 60


@contextmanager
def a_pipeline_with_api(broker: str, directory: Path, *agents: str) -> Iterator[Pipeline]:
    """These agents and the API, all ready; they seal with `NEW` and have one data directory."""
    with a_pipeline(broker, directory) as made:
        made.environment = {
            "HOOKLINE_DATA_DIR": str(directory),
            "HOOKLINE_SECRET_KEYS": written(NEW),
            "HOOKLINE_API_PORT": "0",
        }
        made.settings = commands_for(made, directory).settings
        made.agents = {agent: made.start(agent, **made.environment) for agent in (*agents, "api")}
        for worker in made.agents.values():
            worker.wait_ready(START_S)
        yield made


def admin_of(pipeline: Pipeline) -> Client:
    """A client of that API with an admin key that it knows."""
    client = Client(pipeline.agents["api"].port, create_admin_key(pipeline.settings, "tests"))
    eventually(lambda: client.get("phases").status == 200, START_S)
    return client
