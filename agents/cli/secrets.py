"""`hookline secrets`: make a key for secrets, and seal everything with the newest one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agents.cli import settings_from_environment
from agents.cli.options import data_dir_option
from agents.errors import OperationError
from pipeline.secret_keys import written

if TYPE_CHECKING:
    from agents.sealing.rotation import Finding


@click.group()
def secrets() -> None:
    """Make keys for secrets, and change them (docs/operations.md says how)."""


@secrets.command()
def generate() -> None:
    """Print a new key, as HOOKLINE_SECRET_KEYS and `secret.keys` take it."""
    from agents.sealing.keys import new_key  # noqa: PLC0415 - slow to import for --help

    click.echo(written(new_key()))


@secrets.command()
@click.option("--dry-run", is_flag=True, help="Only say what is sealed with which; write nothing.")
@data_dir_option
@click.pass_context
def rotate(ctx: click.Context, data_dir: Path | None, *, dry_run: bool) -> None:
    """Seal the secrets of all webhooks and sources with the first key.

    What is plain is sealed, what another key sealed is sealed anew. Nothing is sent differently
    meanwhile. Interrupted, or run again, it does what is left. Exit code 1: some can be opened with
    no key; apply their records again.
    """
    from agents.configs.topic import ConfigTopic  # noqa: PLC0415 - as above
    from agents.sealing.keys import keys_for  # noqa: PLC0415 - as above
    from agents.sealing.rotation import examine  # noqa: PLC0415 - as above
    from agents.sealing.rotation import rotate as seal_anew  # noqa: PLC0415 - as above

    settings = settings_from_environment(data_dir=data_dir)
    keys = keys_for(settings)
    if not keys:
        raise OperationError(
            "there is no key: set HOOKLINE_SECRET_KEYS (`hookline secrets generate` makes one)"
        )
    with ConfigTopic(settings) as topic:
        found = examine(topic.configs, keys)
        if found.stale and not dry_run:
            stderr = click.get_text_stream("stderr")
            with click.progressbar(length=len(found.stale), label="Sealing", file=stderr) as bar:
                seal_anew(topic, keys, found.stale, bar.update)
    _report(found, keys[0].id, dry_run=dry_run)
    ctx.exit(1 if found.unreadable else 0)


def _report(found: Finding, key_id: str, *, dry_run: bool) -> None:
    for key, malformed in found.unreadable.items():
        for fault in malformed.faults:
            click.echo(f"{key.kind} {key.account_id}/{key.id}: {fault}", err=True)
    suffix = " (dry run: nothing was written)" if dry_run else ""
    click.echo(
        f"{len(found.stale)} sealed anew with the key {key_id}, {len(found.current)} needed "
        f"nothing, {len(found.unreadable)} cannot be opened{suffix}"
    )
