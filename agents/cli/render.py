"""`hookline render`: the request that a webhook would send for an activity, without sending it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from agents.cli import settings_from_environment
from agents.cli.options import data_dir_option
from agents.clock import now_ms
from agents.configs.applying import Refused, document_in, parsed
from agents.configs.yaml_file import located, read_source
from agents.errors import OperationError
from agents.sealing.keys import keys_for
from pipeline.bodies import body_for
from pipeline.documents import Document
from pipeline.requests import Request, as_recorded, request_for
from pipeline.sealing import has_sealed_secrets, opened
from pipeline.settings import Settings
from pipeline.templates import RenderError
from pipeline.trials import trial_event, trial_job
from pipeline.urls import UrlError
from schemas.account import Account
from schemas.codec import Fault, Malformed, parse_json
from schemas.event import EVENT_BYTES_MAX, Event
from schemas.job import Job
from schemas.webhook import Timeseries, Webhook


@click.command()
@click.argument("file")
@click.option("--account", type=int, help="The webhook's account, when several have one like it.")
@click.option("--webhook", required=True, help="The id of the webhook.")
@click.option("--activity", required=True, help="A JSON file, or - for standard input.")
@click.option("--json", "as_json", is_flag=True, help="Print the request as one JSON object.")
@data_dir_option
def render(  # noqa: PLR0913 - click's way: an argument for each option
    file: str,
    account: int | None,
    webhook: str,
    activity: str,
    data_dir: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print the request that a webhook of a YAML FILE would send for an activity; send nothing.

    The activity is the object itself, or an event that holds it, as `hookline publish` takes it.
    The webhook's filter is not asked. Header values that can hold a secret are masked.
    """
    settings = settings_from_environment(find_broker=False, data_dir=data_dir)
    if file == activity == "-":
        raise click.UsageError("Only one of FILE and --activity can be standard input.")
    owner, chosen = _find(_read(file, settings), account, webhook)
    job = trial_job(chosen, _event(activity, chosen), now_ms=now_ms())
    _print(_request(settings, owner, chosen, job), as_json=as_json)


def _read(file: str, settings: Settings) -> Document:
    """The document, if it has no fault."""
    try:
        root = parsed(read_source(file))
    except Refused as refused:
        raise _faulty(file, refused.faults) from None
    document = document_in(root, settings)
    if document.faults:
        raise _faulty(file, located(document.faults, root))
    return document


def _faulty(file: str, faults: list[tuple[int, Fault]]) -> OperationError:
    name = "<stdin>" if file == "-" else file
    for line, fault in faults:
        click.echo(f"{name}:{line}: {fault}", err=True)
    return OperationError("the file has faults, so nothing can be rendered")


def _find(document: Document, account_id: int | None, webhook_id: str) -> tuple[Account, Webhook]:
    records = [placed.record for placed in document.records]
    accounts = {record.id: record for record in records if isinstance(record, Account)}
    webhooks = [
        record
        for record in records
        if isinstance(record, Webhook) and account_id in (None, record.account_id)
    ]
    found = [each for each in webhooks if each.id == webhook_id]
    if not found:
        known = ", ".join(dict.fromkeys(each.id for each in webhooks)) or "none"
        within = "" if account_id is None else f" in account {account_id}"
        raise OperationError(f"there is no webhook {webhook_id!r}{within}; there are: {known}")
    if len(found) > 1:
        owners = ", ".join(str(each.account_id) for each in found)
        message = f"the accounts {owners} each have a webhook {webhook_id!r}: choose with --account"
        raise OperationError(message)
    return accounts[found[0].account_id], found[0]


def _event(file: str, webhook: Webhook) -> Event:
    """The event of the file's activity at the webhook's position, in its account."""
    data = read_source(file)
    try:
        if len(data) > EVENT_BYTES_MAX:
            raise OperationError(f"{file}: more than the {EVENT_BYTES_MAX} bytes of an event")
        given = parse_json(data)
        if not isinstance(given, dict):
            raise OperationError(f"{file}: an activity must be an object")
        return trial_event(webhook, given)
    except Malformed as malformed:
        raise OperationError(f"{file}: {malformed}") from None


def _request(settings: Settings, account: Account, webhook: Webhook, job: Job) -> Request:
    """The request of a first attempt, as a sender makes it."""
    name = f"webhook {webhook.id}"
    if isinstance(webhook.format, Timeseries):
        message = f"{name}: a time-based format is made of the account's history, not of a file"
        raise OperationError(message)
    now_s = job.first_queued_at_ms // 1_000
    try:
        keys = keys_for(settings) if has_sealed_secrets(webhook) else ()
        plain = opened(webhook, keys)
        body = body_for(plain, account, job.event, public_url=settings.public_url)
        return request_for(plain, account, job, body, now_s=now_s)
    except RenderError as error:
        raise OperationError(f"{name}: format.template: {error}") from None
    except UrlError as error:
        raise OperationError(f"{name}: url: {error}") from None
    except Malformed as malformed:
        raise OperationError(f"{name}: {malformed}") from None


def _print(request: Request, *, as_json: bool) -> None:
    shown = as_recorded(request)
    body = request.body.decode()
    if as_json:
        fields = {**shown.model_dump(), "headers": [*map(list, shown.headers)], "body": body}
        click.echo(json.dumps(fields, ensure_ascii=False))
        return
    click.echo(f"{shown.method} {shown.url}")
    for header, value in shown.headers:
        click.echo(f"{header}: {value}")
    click.echo(f"\n{body}" if body else "")
