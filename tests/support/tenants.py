"""Accounts of an API under test that have something of every kind, marked so that it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agents.history.engine import Database
from agents.history.schema import bring_up_to_date
from tests.support.api import Api, Client
from tests.support.builders import a_job, an_attempt, an_event, an_inbound
from tests.support.histories import record

SENT: Final = {
    "method": "POST",
    "headers": [["Content-Type", "application/json"]],
    "body": "{}",
    "body_bytes": 2,
}
# Nothing listens there, so whoever sends something finds out at once.
NOWHERE: Final = "http://127.0.0.1:8009/in"


@dataclass(frozen=True)
class Tenant:
    """An account, clients with its keys, and the id of one thing of each kind."""

    account_id: int
    mark: str
    all: Client
    reader: Client
    ingester: Client
    ids: dict[str, str]


def a_tenant(api: Api, account_id: int, offset: int) -> Tenant:
    """An account with a webhook, a trigger, a source, a replay, keys, and a delivery on record.

    `offset` is where the records of its activity would lie on their topics.
    """
    mark = f"marked{account_id}"
    everything = api.account(account_id, name=mark)
    below = everything.below(f"accounts/{account_id}/")
    ids = {"webhook": f"hook-{mark}", "trigger": f"tell-{mark}", "source": f"form-{mark}"}
    email = {"type": "email", "to": [f"{mark}@example.com"]}
    for kind, fields in {
        "webhook": {"position": "end", "url": NOWHERE},
        "trigger": {"actions": [email]},
        "source": {"mapping": [{"target": "caller_number", "paths": ["phone"]}]},
    }.items():
        made = below.post(f"{kind}s", {"id": ids[kind], "name": mark, **fields})
        assert made.status == 201, made.text
    planned = below.post("replays", {"note": mark})
    assert planned.status == 201, planned.text
    ids["replay"] = planned.body["id"]
    keys = {scope: below.post("keys", {"name": mark, "scopes": [scope]}).body for scope in _SCOPES}
    ids |= {"key": keys["read"]["id"]} | _record(api, account_id, mark, ids["webhook"], offset)
    readers = [api.client(keys[scope]["key"]) for scope in _SCOPES]
    return Tenant(account_id, mark, everything, *readers, ids)


_SCOPES: Final = ("read", "ingest")


def _record(api: Api, account_id: int, mark: str, webhook_id: str, offset: int) -> dict[str, str]:
    """An activity and the delivery of its event, in the history of the API's installation."""
    activity = {"id": f"call-{mark}", "name": mark}
    event = an_event(event_id=f"ev-{mark}", account_id=account_id, activity=activity)
    job = a_job(event=event, webhook_id=webhook_id)
    attempt = an_attempt(
        delivery_id=job.delivery_id,
        account_id=account_id,
        webhook_id=webhook_id,
        event_id=event.event_id,
        activity_id=event.activity_id,
        request={**SENT, "url": NOWHERE},
    )
    inbound = an_inbound(
        inbound_id=f"in_{mark}",
        account_id=account_id,
        source_id=f"form-{mark}",
        outcome="rejected",
        reason="invalid",
        activity_id=None,
        event_ids=[],
    )
    database = Database(api.settings)
    try:
        bring_up_to_date(database)
        record(database, event, first_offset=offset)
        record(database, attempt, first_offset=offset)
        record(database, inbound)
    finally:
        database.close()
    return {
        "activity": event.activity_id,
        "event": event.event_id,
        "delivery": job.delivery_id,
        "attempt": f"at_0_{offset}",
        "inbound": inbound.inbound_id,
    }
