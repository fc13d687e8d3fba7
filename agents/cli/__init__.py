"""The `hookline` command. Each subcommand is a module of its own, imported only when it is run.

Exit codes: 0 ok, 1 failed, 2 usage. What a person can mend is said in one line, not a traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

import click

from agents.errors import OperationError
from pipeline.settings import ConfigError, Settings

# Command, module:attribute and the help shown in the list.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "up": ("agents.cli.up:up", "Run everything on this machine."),
    "demo": ("agents.cli.demo:demo", "Watch the twenty phases become HTTP calls."),
    "apply": ("agents.cli.apply:apply", "Apply a YAML file of accounts and webhooks."),
    "render": ("agents.cli.render:render", "Print the request a webhook would send."),
    "publish": ("agents.cli.publish:publish", "Write events, as JSON lines, to the broker."),
    "deliveries": ("agents.cli.deliveries:deliveries", "Search, explain and rerun deliveries."),
    "replay": ("agents.cli.replay:replay", "Begin again what failed or was missed."),
    "webhooks": ("agents.cli.webhooks:webhooks", "List, switch and test webhooks."),
    "triggers": ("agents.cli.triggers:triggers", "List, switch, run and explain triggers."),
    "sources": ("agents.cli.sources:sources", "Try mappings, and see what came to sources."),
    "accounts": ("agents.cli.accounts:accounts", "List the accounts."),
    "keys": ("agents.cli.keys:keys", "Make, list and revoke keys of the API."),
    "bin": ("agents.cli.bin:bin_", "Run a receiver that shows what it is sent."),
    "bench": ("agents.cli.bench:bench", "Measure latency, rate, losses and cost on this machine."),
    "check": ("agents.cli.check:check", "Check the settings, the broker and the topics."),
    "secrets": ("agents.cli.secrets:secrets", "Make keys for secrets, and change them."),
    "audit": ("agents.cli.audit:audit", "Prove from the topics that nothing is lost."),
    "lag": ("agents.cli.lag:lag", "Show how far behind each agent is."),
    "topics": ("agents.cli.topics:topics", "Create the topics, or list them with their drift."),
    "broker": ("agents.cli.broker:broker", "Run the embedded Kafka broker."),
    "api": ("agents.cli.api:api", "Serve the HTTP API."),
    "matcher": ("agents.cli.matcher:matcher", "Run the matcher: events to jobs."),
    "sender": ("agents.cli.sender:sender", "Run a sender: jobs to HTTP requests."),
    "scheduler": ("agents.cli.scheduler:scheduler", "Run the scheduler: waiting jobs to due ones."),
    "notifier": ("agents.cli.notifier:notifier", "Run a notifier: failures to emails and texts."),
    "recorder": ("agents.cli.recorder:recorder", "Run the recorder: what happened to a database."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is run, so that `hookline --help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command, or None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list without importing a single command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hookline", prog_name="hookline")
def cli() -> None:
    """Deliver activity phase events to customers' webhooks. Nothing accepted is ever lost."""


def settings_from_environment(*, find_broker: bool = True, **overrides: object) -> Settings:
    """The process's settings; options that were given (not None) win over the environment.

    Without a broker in either, they name the one that runs on the data directory, if one does:
    that of `up`, of `demo`, or of `broker`. Commands that start one pass `find_broker=False`.
    """
    given = {f"HOOKLINE_{name.upper()}": str(v) for name, v in overrides.items() if v is not None}
    settings = Settings.parse({**os.environ, **given})
    if not find_broker or settings.bootstrap_servers is not None:
        return settings
    from agents.up.state import with_running_installation  # noqa: PLC0415 - not needed for --help

    return with_running_installation(settings)


def main() -> None:
    """Run the command line and turn what a person can mend into one line and exit code 1."""
    try:
        code = cli.main(standalone_mode=False)  # the code of ctx.exit, or what a command returned
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ConfigError as error:
        for fault in error.faults:
            click.echo(f"hookline: {fault}", err=True)
        sys.exit(1)
    except OperationError as error:
        click.echo(f"hookline: {error}", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
