"""`hookline webhooks`: an account's webhooks, switched on and off and tried out through the API."""

from __future__ import annotations

import click

from agents.cli.api_client import ApiClient
from agents.cli.api_options import limited, print_items, print_record, switch, with_account

_COLUMNS = (
    ("id", "id"),
    ("name", "name"),
    ("position", "position"),
    ("enabled", "enabled"),
    ("url", "url"),
)


@click.group()
def webhooks() -> None:
    """List, show, enable, disable and test webhooks. `hookline apply` makes and changes them."""


@webhooks.command("list")
@limited
@with_account
def list_(api: ApiClient, account: int, limit: int, *, as_json: bool) -> None:
    """List an account's webhooks."""
    items = api.items("accounts", account, "webhooks", limit=limit)
    print_items(items, _COLUMNS, as_json=as_json)


@webhooks.command()
@click.argument("webhook")
@with_account
def show(api: ApiClient, account: int, webhook: str, *, as_json: bool) -> None:
    """Show a webhook, its secrets masked."""
    print_record(api.get("accounts", account, "webhooks", webhook), as_json=as_json)


@webhooks.command()
@click.argument("webhook")
@with_account
def enable(api: ApiClient, account: int, webhook: str, *, as_json: bool) -> None:
    """Let a webhook fire again."""
    switch(api, account, ("webhook", webhook), "enable", as_json=as_json)


@webhooks.command()
@click.argument("webhook")
@with_account
def disable(api: ApiClient, account: int, webhook: str, *, as_json: bool) -> None:
    """Let a webhook fire no more; what waits for a retry ends as skipped."""
    switch(api, account, ("webhook", webhook), "disable", as_json=as_json)


@webhooks.command()
@click.argument("webhook")
@click.option("--activity", "activity_id", help="The activity to send, if not the latest.")
@with_account
def test(
    api: ApiClient, account: int, webhook: str, activity_id: str | None, *, as_json: bool
) -> None:
    """Send a webhook now, whatever its position and filter, and show what came of it.

    It is sent once, with the account's latest activity or the one that is named.
    """
    body = {} if activity_id is None else {"activity_id": activity_id}
    answer = api.post("accounts", account, "webhooks", webhook, "test", body=body)
    print_record(answer, as_json=as_json)
