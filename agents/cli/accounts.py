"""`hookline accounts`: the accounts that there are, as the API has them."""

from __future__ import annotations

import click

from agents.cli.api_client import ApiClient
from agents.cli.api_options import limited, print_items, print_record, with_api

_COLUMNS = (("id", "id"), ("name", "name"), ("time zone", "time_zone"), ("updated", "updated_at"))


@click.group()
def accounts() -> None:
    """List the accounts, or show one. `hookline apply` makes and changes them."""


@accounts.command("list")
@limited
@with_api
def list_(api: ApiClient, limit: int, *, as_json: bool) -> None:
    """List the accounts."""
    print_items(api.items("accounts", limit=limit), _COLUMNS, as_json=as_json)


@accounts.command()
@click.argument("account", type=int)
@with_api
def show(api: ApiClient, account: int, *, as_json: bool) -> None:
    """Show an account."""
    print_record(api.get("accounts", account), as_json=as_json)
