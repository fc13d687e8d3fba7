"""Accounts of an API without agents, for tests of what is configured through it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agents.api import writing
from agents.configs.topic import ConfigTopic
from agents.configs.view import read_configs
from pipeline.changes import plan_changes
from pipeline.secret_keys import written
from pipeline.settings import Settings
from schemas.config import Config, ConfigKey
from tests.support.api import Api, Client, an_api
from tests.support.commands import NEW

WEBHOOK = {"name": "CRM", "position": "end", "url": "https://crm.example.com/in"}
SECRETS = {
    "headers": [{"name": "X-Key", "value": "hunter2"}],
    "basic_auth": {"username": "u", "password": "hunter3"},
    "signing": {"scheme": "ctm", "secrets": ["hunter4"]},
}


@contextmanager
def an_api_without_agents(settings: Settings, directory: Path, **others: object) -> Iterator[Api]:
    """An API that seals with `NEW`, and waits for no agent to notice what it wrote."""
    ours = {"secret_keys": written(NEW), "data_dir": directory, **others}
    with pytest.MonkeyPatch.context() as patch, an_api(settings.model_copy(update=ours)) as api:
        patch.setattr(writing, "CONFIG_STALENESS_MS_MAX", 0)
        yield api


class Owner:
    """An account: a client of it, and what is on the topic."""

    def __init__(self, api: Api, number: int) -> None:
        self.api, self.id = api, number
        self.client: Client = api.account(number).below(f"accounts/{number}/")

    def __getattr__(self, method: str) -> Any:
        return getattr(self.client, method)

    def stored(self, kind: str = "webhook", record_id: str = "crm") -> Any:
        return read_configs(self.api.settings).get(ConfigKey(self.id, kind, record_id))

    def other_process(self, record: Config) -> None:
        """Another process writes, here and now."""
        with ConfigTopic(self.api.settings) as topic:
            topic.write(plan_changes([record], topic.configs, now="now").writes())
