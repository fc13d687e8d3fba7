"""`hookline sources`: inbound endpoints, their mappings tried out, and what came to them."""

from __future__ import annotations

import json
from typing import Any, Final

import click
import yaml

from agents.cli.api_client import ApiClient
from agents.cli.api_options import limited, print_items, print_record, with_account
from agents.configs.yaml_file import read_source
from agents.errors import OperationError
from schemas.codec import Malformed
from schemas.inbound import BODY_BYTES_MAX

_COLUMNS: Final = (
    ("id", "id"),
    ("name", "name"),
    ("enabled", "enabled"),
    ("verification", "verification.type"),
    ("rows", "rows"),
)
_REQUESTS: Final = (
    ("id", "id"),
    ("at", "at"),
    ("source", "source_id"),
    ("outcome", "outcome"),
    ("reason", "reason"),
    ("activity", "activity_id"),
)
_ROWS: Final = (
    ("target", "target"),
    ("outcome", "outcome"),
    ("path", "path"),
    ("found", "found"),
    ("value", "value"),
    ("note", "note"),
)
_FAULTS: Final = (("field", "field"), ("why", "message"))

_content_type = click.option(
    "--content-type", default="", help="What the sender says it is; else it is told by its look."
)


@click.group()
def sources() -> None:
    """Try mappings of foreign webhooks, and see what came. `hookline apply` makes sources."""


@sources.command("list")
@limited
@with_account
def list_(api: ApiClient, account: int, limit: int, *, as_json: bool) -> None:
    """List an account's sources."""
    items = list(api.items("accounts", account, "sources", limit=limit))
    shown = items if as_json else [{**it, "rows": len(it["mapping"])} for it in items]
    print_items(shown, _COLUMNS, as_json=as_json)


@sources.command()
@click.argument("source")
@with_account
def show(api: ApiClient, account: int, source: str, *, as_json: bool) -> None:
    """Show a source, its secrets masked."""
    print_record(api.get("accounts", account, "sources", source), as_json=as_json)


@sources.command()
@click.argument("source")
@with_account
def token(api: ApiClient, account: int, source: str, *, as_json: bool) -> None:
    """Give a source a new address, shown this once; the one before leads nowhere any more."""
    answer = api.post("accounts", account, "sources", source, "token", "rotate")
    print_record(answer, as_json=as_json)


@sources.command()
@click.argument("file")
@_content_type
@click.option("--json", "as_json", is_flag=True, help="Print JSON as the API answers it.")
def suggest(file: str, content_type: str, *, as_json: bool) -> None:
    """Suggest a mapping for the body of a request in FILE (- for standard input).

    Rows are printed as a source's `mapping` in YAML, what they leave over on standard error.
    Nothing is asked of anybody.
    """
    from agents.api.models.sources import SuggestionAnswer  # noqa: PLC0415 - slow to import
    from pipeline.suggesting import suggest as suggested  # noqa: PLC0415 - as above

    payload = _payload(file, content_type)
    answer = SuggestionAnswer.of(suggested(payload), payload).model_dump(mode="json")
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    click.echo(_as_yaml(answer["rows"]), nl=False)
    for each in answer["unused"]:
        hint = f", could be {each['target']}" if each["target"] else ""
        value = json.dumps(each["value"], ensure_ascii=False)
        click.echo(f"unused: {each['path']} = {value}{hint}", err=True)


@sources.command()
@click.argument("source")
@click.argument("file", required=False)
@_content_type
@click.option("--suggest", is_flag=True, help="Map with what is suggested, not with its rows.")
@with_account
def preview(  # noqa: PLR0913 - click's way: an argument for each option
    api: ApiClient,
    account: int,
    source: str,
    file: str | None,
    content_type: str,
    *,
    suggest: bool,
    as_json: bool,
) -> None:
    """Show what a source makes of the request that came last, or of the body in FILE.

    Nothing is taken in. Exit code 1: such a request is rejected.
    """
    body: dict[str, Any] = {"suggest": suggest}
    if file is not None:
        request = {"content_type": content_type, "body": _data(file).decode(errors="replace")}
        body["request"] = request
    answer = api.post("accounts", account, "sources", source, "preview", body=body)
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        print_items(answer["rows"], _ROWS, as_json=False)
        if answer["faults"]:
            print_items(answer["faults"], _FAULTS, as_json=False)
        else:
            click.echo(json.dumps(answer["activity"], indent=2, ensure_ascii=False))
    click.get_current_context().exit(1 if answer["faults"] else 0)


@sources.command()
@click.option("--source", "source_id", help="Only to this source.")
@click.option("--open", "is_open", is_flag=True, help="Only what can be mapped again.")
@limited
@with_account
def requests(  # noqa: PLR0913 - as above
    api: ApiClient,
    account: int,
    source_id: str | None,
    limit: int,
    *,
    is_open: bool,
    as_json: bool,
) -> None:
    """List what came to the sources, the latest first."""
    asked = {"source_id": source_id, "open": True if is_open else None}
    items = api.items("accounts", account, "inbound", limit=limit, **asked)
    print_items(items, _REQUESTS, as_json=as_json)


@sources.command()
@click.argument("request_id", required=False)
@click.option("--source", "source_id", help="All that is open of this source.")
@with_account
def remap(
    api: ApiClient,
    account: int,
    request_id: str | None,
    source_id: str | None,
    *,
    as_json: bool,
) -> None:
    """Map a rejected request again, or with --source all that are open of a source.

    Exit code 1: some are rejected still.
    """
    if (request_id is None) == (source_id is None):
        raise click.UsageError("Give a request's id, or a source with --source.")
    if request_id is not None:
        items = [api.post("accounts", account, "inbound", request_id, "remap")]
    else:
        items = _all_again(api, account, source_id)
    if as_json:
        click.echo(json.dumps(items, indent=2, ensure_ascii=False))
    else:
        for each in items:
            click.echo(_came_of(each))
        accepted = sum(it["outcome"] == "accepted" for it in items)
        click.echo(f"{accepted} accepted, {len(items) - accepted} rejected still")
    is_left = any(it["outcome"] == "rejected" for it in items)
    click.get_current_context().exit(1 if is_left else 0)


def _all_again(api: ApiClient, account: int, source_id: str | None) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        body = {"source_id": source_id, "cursor": cursor}
        page = api.post("accounts", account, "inbound", "remap", body=body)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def _came_of(item: dict[str, Any]) -> str:
    if item["outcome"] == "accepted":
        return f"{item['id']}: became the activity {item['activity_id']}"
    faults = "; ".join(f"{it['field']}: {it['message']}".lstrip(": ") for it in item["faults"])
    return f"{item['id']}: {faults}"


def _as_yaml(rows: list[dict[str, Any]]) -> str:
    """The rows as a document has them, one line each."""
    lines = (
        yaml.safe_dump(
            row, sort_keys=False, allow_unicode=True, default_flow_style=True, width=10_000
        )
        for row in rows
    )
    return "mapping:\n" + "".join(f"  - {line}" for line in lines)


def _data(file: str) -> bytes:
    data = read_source(file)
    if len(data) > BODY_BYTES_MAX:
        raise OperationError(f"{file}: more than the {BODY_BYTES_MAX} bytes of a request")
    return data


def _payload(file: str, content_type: str) -> dict[str, Any]:
    from pipeline.inbound_bodies import read_payload  # noqa: PLC0415 - slow to import
    from pipeline.inbound_request import InboundRequest  # noqa: PLC0415 - as above
    from schemas.source import Source  # noqa: PLC0415 - as above

    request = InboundRequest(
        method="POST",
        url="",
        query="",
        content_type=content_type,
        headers={},
        body=_data(file),
        at_ms=0,
    )
    try:
        return read_payload(Source(id="sample", account_id=1, name="sample"), request)
    except Malformed as malformed:
        raise OperationError(f"{file}: {malformed}") from None
