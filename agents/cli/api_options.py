"""What all commands that ask the HTTP API share: its options, the account, and how they print."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table

from agents.cli.api_client import ApiClient, client_for
from agents.cli.options import data_dir_option
from agents.cli.tables import print_table
from agents.errors import OperationError

Command = Callable[..., None]
Item = dict[str, Any]
# A column's header, and the path of its value, such as `next.due_at`.
Column = tuple[str, str]

# Enough to choose from in an error message.
_ACCOUNTS_NAMED_MAX: Final = 10
_LIMIT: Final = 50
_LIMIT_MAX: Final = 10_000
_KEY_OF_ACCOUNT: Final = re.compile(r"hk([1-9][0-9]*)-.*", re.DOTALL)


def with_api(command: Command) -> Command:
    """Options that say which API; `command` gets `api`, and `as_json` for how to print."""

    @data_dir_option
    @click.option("--url", help="Where the API is; else the `up` on the data directory is asked.")
    @click.option("--key", help="A key of the API. HOOKLINE_API_KEY keeps it out of `ps`.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON as the API answers it.")
    @functools.wraps(command)
    def run(url: str | None, key: str | None, data_dir: Path | None, **others: object) -> None:
        command(client_for(url, key, data_dir), **others)

    return run


def with_account(command: Command) -> Command:
    """The same, and an option that says which account; `command` gets `api` and `account`."""

    @with_api
    @click.option("--account", type=int, help="The account's id, where there are several.")
    @functools.wraps(command)
    def run(api: ApiClient, account: int | None, **others: object) -> None:
        command(api, account_for(api) if account is None else account, **others)

    return run


def limited(command: Command) -> Command:
    """An option for how many items of a list are shown."""
    return click.option(
        "--limit",
        type=click.IntRange(1, _LIMIT_MAX),
        default=_LIMIT,
        show_default=True,
        help="How many to show.",
    )(command)


def account_for(api: ApiClient) -> int:
    """The account of the key, or the only one there is; raises `OperationError` naming some."""
    own = _KEY_OF_ACCOUNT.fullmatch(api.key)
    if own is not None:
        return int(own[1])
    found = list(api.items("accounts", limit=_ACCOUNTS_NAMED_MAX))
    if len(found) == 1:
        return int(found[0]["id"])
    known = ", ".join(f"{each['id']} ({each['name']})" for each in found)
    raise OperationError(
        f"choose one with --account: {known}" if found else "there is no account yet"
    )


def print_items(items: Iterable[Item], columns: Sequence[Column], *, as_json: bool) -> None:
    """Print a list, as a table or as a JSON array."""
    if as_json:
        click.echo(json.dumps(list(items), indent=2, ensure_ascii=False))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for header, _ in columns:
        table.add_column(header, overflow="fold")
    for item in items:
        table.add_row(*(_shown(_at(item, path)) for _, path in columns))
    if table.row_count:
        print_table(table)
    else:
        click.echo("none", err=True)


def print_record(record: Item, *, as_json: bool, left_out: Sequence[str] = ()) -> None:
    """Print one record, a line for each field, or as JSON."""
    if as_json:
        click.echo(json.dumps(record, indent=2, ensure_ascii=False))
        return
    shown = {name: value for name, value in record.items() if name not in left_out}
    width = max(map(len, shown))
    for name, value in shown.items():
        click.echo(f"{name:{width}}  {_shown(value)}".rstrip())


def switch(api: ApiClient, account: int, what: tuple[str, str], to: str, *, as_json: bool) -> None:
    """Enable or disable (`to`) a record of an account, which is its kind and its id, and say so."""
    kind, name = what
    answer = api.post("accounts", account, f"{kind}s", name, to)
    if as_json:
        print_record(answer, as_json=True)
    else:
        click.echo(f"{kind} {name} is {to}d")


def _at(item: Item, path: str) -> object:
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
