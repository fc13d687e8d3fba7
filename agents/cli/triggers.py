"""`hookline triggers`: an account's triggers, switched on and off, run and explained by the API."""

from __future__ import annotations

import click

from agents.cli.api_client import ApiClient
from agents.cli.api_options import limited, print_items, print_record, switch, with_account

_COLUMNS = (
    ("id", "id"),
    ("name", "name"),
    ("positions", "positions"),
    ("enabled", "enabled"),
    ("delay", "delay"),
)
_ASKED = (("action", "type"), ("result", "result"), ("id", "id"), ("why not", "detail"))
_EXPLAINED = (
    ("trigger", "trigger_id"),
    ("reason", "reason"),
    ("by", "judged_by"),
    ("phase", "judged_event.phase"),
    ("detail", "detail"),
)


@click.group()
def triggers() -> None:
    """List, show, enable, disable, run and explain triggers. `hookline apply` makes them."""


@triggers.command("list")
@limited
@with_account
def list_(api: ApiClient, account: int, limit: int, *, as_json: bool) -> None:
    """List an account's triggers."""
    items = api.items("accounts", account, "triggers", limit=limit)
    print_items(items, _COLUMNS, as_json=as_json)


@triggers.command()
@click.argument("trigger")
@with_account
def show(api: ApiClient, account: int, trigger: str, *, as_json: bool) -> None:
    """Show a trigger."""
    print_record(api.get("accounts", account, "triggers", trigger), as_json=as_json)


@triggers.command()
@click.argument("trigger")
@with_account
def enable(api: ApiClient, account: int, trigger: str, *, as_json: bool) -> None:
    """Let a trigger do its work again."""
    switch(api, account, ("trigger", trigger), "enable", as_json=as_json)


@triggers.command()
@click.argument("trigger")
@with_account
def disable(api: ApiClient, account: int, trigger: str, *, as_json: bool) -> None:
    """Keep a trigger from being run, whatever names it."""
    switch(api, account, ("trigger", trigger), "disable", as_json=as_json)


@triggers.command()
@click.argument("trigger")
@click.option("--activity", "activity_id", help="The activity to run it for, if not the latest.")
@with_account
def run(
    api: ApiClient, account: int, trigger: str, activity_id: str | None, *, as_json: bool
) -> None:
    """Run a trigger for an activity on record, and say what each of its actions asks for."""
    body = {} if activity_id is None else {"activity_id": activity_id}
    answer = api.post("accounts", account, "triggers", trigger, "run", body=body)
    if as_json:
        print_record(answer, as_json=True)
    else:
        print_items(answer["actions"], _ASKED, as_json=False)


@triggers.command()
@click.option("--activity", "activity_id", required=True, help="The activity to explain.")
@with_account
def explain(api: ApiClient, account: int, activity_id: str, *, as_json: bool) -> None:
    """Say for each trigger whether an activity ran it, or would today, or why not."""
    found = api.get("accounts", account, "explain", activity_id=activity_id, limit=1)
    print_items(found["triggers"], _EXPLAINED, as_json=as_json)
