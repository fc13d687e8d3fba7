"""Commands run against an installation of a test, with the keys that are given."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from agents.cli.apply import apply
from agents.cli.secrets import secrets
from agents.configs.view import read_configs
from agents.errors import OperationError
from pipeline.secret_keys import SecretKey, written
from tests.support.brokers import settings_for
from tests.support.pipelines import Pipeline
from tests.support.waiting import eventually

OLD, NEW = SecretKey("old", b"o" * 32), SecretKey("new", b"n" * 32)
SECRETS = (
    "headers: [{name: X-Key, value: hunter2-header}]",
    "basic_auth: {username: u, password: hunter2-password}",
    "signing: {scheme: ctm, secrets: [hunter2-signing]}",
)
READABLE_S = 40


def a_document(*fields: str, url: str = "https://crm.example.com/in") -> str:
    """An account with one webhook, as a person writes it, with more lines of it in `fields`."""
    lines = (
        *("accounts:", "  - id: 25", "    name: Denver Doors", "    webhooks:", "      - id: crm"),
        *(f"        {line}" for line in ("name: CRM", "position: end", f"url: {url}", *fields)),
    )
    return "\n".join(lines) + "\n"


class Commands:
    """Commands of an installation, run here with the keys that are given."""

    def __init__(self, pipeline: Pipeline, directory: Path) -> None:
        self.settings = settings_for(
            pipeline.bootstrap, topic_prefix=pipeline.prefix, data_dir=directory
        )
        self._file = directory / "config.yaml"

    def run(self, command, *arguments, keys=()):
        environment = {
            "HOOKLINE_BOOTSTRAP_SERVERS": self.settings.bootstrap_servers,
            "HOOKLINE_TOPIC_PREFIX": self.settings.topic_prefix,
            "HOOKLINE_DATA_DIR": str(self.settings.data_dir),
            "HOOKLINE_ALLOW_HTTP": "true",
            "HOOKLINE_EGRESS_ALLOW": "127.0.0.0/8",
            "HOOKLINE_SECRET_KEYS": written(*keys),
        }
        return CliRunner().invoke(command, arguments, env=environment)

    def apply(self, document, *options, keys=(NEW,)):
        self._file.write_text(document)
        return self.run(apply, str(self._file), *options, keys=keys)

    def rotate(self, *options, keys=(NEW, OLD)):
        return self.run(secrets, "rotate", *options, keys=keys)

    def can_read(self) -> bool:
        try:
            read_configs(self.settings)
        except OperationError:
            return False
        return True

    def webhook(self, webhook_id="crm"):
        return read_configs(self.settings).webhook(25, webhook_id)


def commands_for(pipeline: Pipeline, directory: Path) -> Commands:
    """Commands whose installation can be used: a new topic has no leader for a moment."""
    commands = Commands(pipeline, directory)
    eventually(commands.can_read, READABLE_S)
    return commands
