"""`hookline keys`: keys of the API, made, listed and revoked.

The first admin key of an installation without `up` cannot be asked for with a key: it is written to
the configs topic, by whoever may write there.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from agents.cli import settings_from_environment
from agents.cli.api_client import ApiClient, client_for
from agents.cli.api_options import account_for, limited, print_items, with_account
from agents.cli.options import data_dir_option

_COLUMNS = (("id", "id"), ("name", "name"), ("scopes", "scopes"), ("created", "created_at"))
_SCOPES = ("read", "write", "ingest")


@click.group()
def keys() -> None:
    """Make, list and revoke keys of the API."""


@keys.command("list")
@limited
@with_account
def list_(api: ApiClient, account: int, limit: int, *, as_json: bool) -> None:
    """List an account's keys, without their secrets."""
    items = api.items("accounts", account, "keys", limit=limit)
    print_items(items, _COLUMNS, as_json=as_json)


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(_SCOPES),
    default=_SCOPES,
    help="What it may do, once for each; all three without the option.",
)
@click.option("--admin", is_flag=True, help="A key for everything, written straight to the broker.")
@click.option("--account", type=int, help="The account's id, where there are several.")
@click.option("--url", help="Where the API is; else the `up` on the data directory is asked.")
@click.option("--key", help="A key of the API. HOOKLINE_API_KEY keeps it out of `ps`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON as the API answers it.")
@data_dir_option
def create(  # noqa: PLR0913 - click's way: an argument for each option
    name: str,
    *,
    scopes: tuple[str, ...],
    account: int | None,
    url: str | None,
    key: str | None,
    data_dir: Path | None,
    admin: bool,
    as_json: bool,
) -> None:
    """Make a key called NAME and print it: it is shown this once.

    An admin key is written straight to the broker, so it needs no key to be made.
    """
    if admin:
        if account is not None or url is not None or key is not None:
            raise click.UsageError("--admin goes to the broker: leave --account, --url, --key out.")
        from agents.api.admin_key import create_admin_key  # noqa: PLC0415 - slow to import

        token = create_admin_key(settings_from_environment(data_dir=data_dir), name)
        answer = {"name": name, "key": token}
    else:
        api = client_for(url, key, data_dir)
        owner = account_for(api) if account is None else account
        body = {"name": name, "scopes": [*scopes]}
        answer = api.post("accounts", owner, "keys", body=body)
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else answer["key"])


@keys.command()
@click.argument("key_id")
@with_account
def revoke(api: ApiClient, account: int, key_id: str, *, as_json: bool) -> None:
    """Revoke a key: from now on nothing can be done with it."""
    api.delete("accounts", account, "keys", key_id)
    click.echo(json.dumps({"revoked": key_id}) if as_json else f"key {key_id} is revoked")
