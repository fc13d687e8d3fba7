"""`hookline deliveries`: what became of events, why, and once more, as the API tells it."""

from __future__ import annotations

import click

from agents.cli.api_client import ApiClient
from agents.cli.api_options import Command, limited, print_items, print_record, with_account
from schemas.phases import PHASE_IDS

_COLUMNS = (
    ("id", "id"),
    ("queued", "first_queued_at"),
    ("webhook", "webhook_id"),
    ("activity", "activity_id"),
    ("phase", "phase"),
    ("status", "status"),
    ("attempts", "attempts"),
    ("reason", "last_reason"),
    ("next", "next.due_at"),
)
_LOG = (
    ("id", "id"),
    ("at", "at"),
    ("webhook", "webhook_id"),
    ("activity", "activity_id"),
    ("attempt", "attempt"),
    ("outcome", "outcome"),
    ("reason", "reason"),
    ("ms", "timings.total_ms"),
    ("next", "next.step"),
    ("due", "next.due_at"),
    ("detail", "detail"),
)
_EXPLAINED = (
    ("webhook", "webhook_id"),
    ("fired", "fired"),
    ("reason", "reason"),
    ("detail", "detail"),
    ("changed since", "changed_since"),
)


def _searched(command: Command) -> Command:
    """The options that the list and the log have in common."""
    options = (
        click.option("--webhook", "webhook_id", help="Only of this webhook."),
        click.option("--activity", "activity_id", help="Only of this activity."),
        click.option("--phase", type=click.Choice(PHASE_IDS), help="Only of this phase."),
        click.option(
            "--channel",
            type=click.Choice(("webhook", "email", "text")),
            help="Only what goes out by this way.",
        ),
        click.option("--trigger", "trigger_id", help="Only messages of this trigger."),
        click.option("--replay", "replay_id", help="Only what this replay began again."),
        click.option("--reason", help="Only with this reason code, such as timeout."),
        click.option("--from", "from_", help="From this time on, such as 2026-05-01T00:00:00Z."),
        click.option("--to", help="Before this time."),
        limited,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def deliveries() -> None:
    """Search deliveries and their log, explain what did not fire, and rerun what failed."""


@deliveries.command("list")
@click.option(
    "--status",
    type=click.Choice(("delivered", "failed", "skipped", "retrying", "deferred")),
    help="Only those that stand so.",
)
@_searched
@with_account
def list_(api: ApiClient, account: int, limit: int, *, as_json: bool, **search: str | None) -> None:
    """List deliveries, the latest first."""
    items = api.items("accounts", account, "deliveries", limit=limit, **search)
    print_items(items, _COLUMNS, as_json=as_json)


@deliveries.command()
@click.option("--status", help="Only where the endpoint answered this: 404, or 4xx.")
@click.option("--url-text", "url", help="Only where the URL holds this text.")
@click.option("--source", help="Only of activities with this tracking source.")
@_searched
@with_account
def log(api: ApiClient, account: int, limit: int, *, as_json: bool, **search: str | None) -> None:
    """List attempts and what else happened, the latest first. --json has requests and answers."""
    items = api.items("accounts", account, "attempts", limit=limit, **search)
    print_items(items, _LOG, as_json=as_json)


@deliveries.command()
@click.argument("delivery")
@with_account
def show(api: ApiClient, account: int, delivery: str, *, as_json: bool) -> None:
    """Show a delivery and its log. --json has requests and answers."""
    found = api.get("accounts", account, "deliveries", delivery)
    print_record(found, as_json=as_json, left_out=("log",))
    if not as_json:
        click.echo()
        print_items(found["log"], _LOG, as_json=False)


@deliveries.command()
@click.option("--activity", "activity_id", help="Explain all events of this activity.")
@click.option("--event", "event_id", help="Explain this event alone.")
@click.option("--webhook", "webhook_id", help="Explain this webhook alone.")
@limited
@with_account
def explain(
    api: ApiClient, account: int, limit: int, *, as_json: bool, **asked: str | None
) -> None:
    """Say for each webhook whether it fired for an activity, or why it did not."""
    items = api.items("accounts", account, "explain", limit=limit, **asked)
    print_items(items, _EXPLAINED, as_json=as_json)


@deliveries.command()
@click.argument("delivery")
@click.option(
    "--mode",
    type=click.Choice(("original", "current")),
    default="original",
    show_default=True,
    help="The body that was sent, or one made of the activity and the webhook as they are now.",
)
@with_account
def rerun(api: ApiClient, account: int, delivery: str, mode: str, *, as_json: bool) -> None:
    """Begin a delivery again, whatever became of it; retries that wait are superseded."""
    body = {"mode": mode}
    answer = api.post("accounts", account, "deliveries", delivery, "rerun", body=body)
    print_record(answer, as_json=as_json)
