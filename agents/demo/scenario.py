"""What the demo configures and publishes: one account, a webhook for each phase, a call's story.

Beside the twenty there is a webhook whose endpoint fails twice, one whose endpoint is dead, one
whose filter rejects, and one that latency is measured with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from schemas.event import Event, event_from
from schemas.phases import END, END_DELAYED, PHASES, ROUTE, Phase

ACCOUNT_ID: Final = 25

RETRIED: Final = "fails-twice"
DEAD: Final = "dead"
FILTERED: Final = "filtered"
MEASURED: Final = "measured"

# Twice through the shortest tier: seconds, where the default schedule takes a day.
RETRIED_SCHEDULE: Final = ("5s", "5s")
DEAD_SCHEDULE: Final = ("5s",)

# The call talks for less.
TALK_TIME_WANTED_S: Final = 600

# Cut off in the middle, as by a producer that died.
UNDECODABLE: Final = b'{"account_id": 25, "phase": "end", "activity": {"id": 43799'

_CALL: Final[dict[str, Any]] = {
    "id": 4_379_952_365,
    "direction": "inbound",
    "name": "Ann Lee",
    "caller_number": "+17607058888",
    "tracking_number": "+17203584118",
    "source": "Google Ads",
    "called_at": "2026-05-01 11:48 PM -04:00",
}
_OUTBOUND_CALL: Final = _CALL | {"id": 4_379_952_366, "direction": "outbound"}
_HUNG_UP_CALL: Final = _CALL | {"id": 4_379_952_367, "dial_status": "hangup", "duration": 4}
_TEXT: Final[dict[str, Any]] = {
    "id": 4_379_952_401,
    "direction": "msg_inbound",
    "message_body": "Hi, is my door fixed?",
    "caller_number": "+12015551234",
    "tracking_number": "+12019037784",
    "source": "Direct",
}
_SENT_TEXT: Final = _TEXT | {"id": 4_379_952_402, "direction": "msg_outbound"}
_FORM: Final[dict[str, Any]] = {
    "id": 4_379_952_500,
    "direction": "form",
    "name": "Ann Lee",
    "email": "ann@example.com",
    "source": "Website",
    "form": {"form_id": 9, "form_name": "Quote"},
}
_ENDED: Final = {"status": "answered", "duration": 25, "talk_time": 10, "ring_time": 15}

# What the activity of each row's event looks like; `end_delayed` follows from `end` by itself.
_ACTIVITIES: Final[dict[int, dict[str, Any]]] = {
    1: _CALL | {"dial_status": "ringing"},
    2: _OUTBOUND_CALL | {"dial_status": "ringing"},
    3: _CALL | {"dial_status": "answered", "agent": {"id": "U7", "name": "Sam"}},
    4: _CALL | {"ga": {"gclid": "Cj0KCQ"}},
    5: _HUNG_UP_CALL,
    6: _CALL | {"tag_list": ["follow up"]},
    7: _CALL | {"notes": "Wants a quote for two doors"},
    8: _CALL | {"status": "answered", "duration": 25},
    9: _CALL | _ENDED,
    11: _CALL | _ENDED | {"sale": {"score": 4, "conversion": True, "value": "85.00"}},
    12: _FORM,
    13: _CALL | _ENDED | {"paid": {"campaign": "spring", "keyword": "plumber"}},
    14: _CALL | _ENDED | {"paid": {"campaign": "spring", "cost": "1.37"}},
    15: _CALL | {"geokey": "80202"},
    16: _TEXT,
    17: _SENT_TEXT | {"message_body": "It is. Come by any time."},
    18: _CALL | _ENDED | {"keywords": ["quote"]},
    19: _CALL | {"menu_key": "2"},
    20: _SENT_TEXT | {"status": "delivered"},
}


@dataclass(frozen=True, slots=True)
class Step:
    """An event of the story, and the row of the list that it is at."""

    phase: Phase
    event: Event


def webhook_id(phase: Phase) -> str:
    """The id of the webhook that waits for a row of the list."""
    return f"{phase.number:02}-{phase.id}"


def document(receiver: str, dead_endpoint: str) -> str:
    """The configuration as YAML; `receiver` and `dead_endpoint` are URLs without a path."""
    webhooks = [_phase_webhook(phase, receiver) for phase in PHASES]
    webhooks += [
        _webhook(RETRIED, END, "Its endpoint fails twice", f"{receiver}/{RETRIED}?fail=2")
        | {"retry": {"schedule": [*RETRIED_SCHEDULE]}},
        _webhook(DEAD, END, "Its endpoint is dead", f"{dead_endpoint}/{DEAD}")
        | {"retry": {"schedule": [*DEAD_SCHEDULE]}},
        _webhook(FILTERED, END, "Its filter rejects", f"{receiver}/{FILTERED}")
        | _filter("talk_time", "gte", TALK_TIME_WANTED_S),
        _webhook(MEASURED, ROUTE, "Latency is measured with it", f"{receiver}/{MEASURED}"),
    ]
    account = {"id": ACCOUNT_ID, "name": "Denver Doors", "time_zone": "America/Denver"}
    return yaml.safe_dump({"accounts": [account | {"webhooks": webhooks}]}, sort_keys=False)


def story() -> tuple[Step, ...]:
    """The events to publish, in the order of the list."""
    return tuple(
        Step(phase, _event(phase, _ACTIVITIES[phase.number]))
        for phase in PHASES
        if phase.id != END_DELAYED
    )


def measured_events(count: int, now_s: Iterator[float]) -> Iterator[Event]:
    """Events for the webhook that latency is measured with; each carries its produce time."""
    for number, produced_at_s in zip(range(count), now_s, strict=False):
        yield event_from(
            {
                "event_id": f"measured-{number}",
                "account_id": ACCOUNT_ID,
                "phase": ROUTE,
                "webhook_id": MEASURED,
                "activity": _CALL | {"id": f"measured-{number}", "produced_at_s": produced_at_s},
            }
        )


def _event(phase: Phase, activity: dict[str, Any]) -> Event:
    routed = {"webhook_id": webhook_id(phase)} if phase.id == ROUTE else {}
    return event_from(
        {
            "event_id": f"demo-{webhook_id(phase)}",
            "account_id": ACCOUNT_ID,
            "phase": phase.id,
            "sequence": phase.number,
            "activity": activity,
            **routed,
        }
    )


def _phase_webhook(phase: Phase, receiver: str) -> dict[str, Any]:
    """Two rows share the phase `starts`; their webhooks are told apart by the direction."""
    url = f"{receiver}/{webhook_id(phase)}"
    webhook = _webhook(webhook_id(phase), phase.id, phase.title, url)
    shared = [other for other in PHASES if other.id == phase.id]
    if len(shared) == 1:
        return webhook
    return webhook | _filter("direction", "eq", _ACTIVITIES[phase.number]["direction"])


def _webhook(id_: str, position: str, name: str, url: str) -> dict[str, Any]:
    return {"id": id_, "name": name, "position": position, "url": url}


def _filter(field: str, op: str, value: object) -> dict[str, Any]:
    return {"filter": {"all": [{"field": field, "op": op, "value": value}]}}
