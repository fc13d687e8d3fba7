"""The topics as an AsyncAPI 3.0 document: what is on each, under which key, for how long.

Everything is read from `schemas.topics`; this module adds only which records each topic holds and
in which direction they go. Names are those of an installation without a topic prefix.
"""

from __future__ import annotations

from typing import Any, Final

from schemas.config import CONFIG_KINDS
from schemas.json_schemas import RECORDS
from schemas.tiers import TIERS
from schemas.topics import (
    ACTIVITIES,
    ACTIVITY_COMMANDS,
    ATTEMPTS,
    CONFIGS,
    DEAD_LETTERS,
    FAILURE_TRIGGERS,
    INBOUND,
    JOBS,
    JOBS_REPLAY,
    JOBS_RETRY,
    NOTICES,
    NOTIFIER_STATE,
    Topic,
    topics,
)

# The version of what is on the topics; its first part rises when an old reader would trip.
DOCUMENT_VERSION: Final = "1.0.0"
_KAFKA_BINDING: Final = "0.5.0"
_JSON_SCHEMA: Final = "application/schema+json;version=draft-2020-12"
_DIGITS: Final = "^[0-9]+$"

# The records on each topic, by the names of their schemas; a tier also delays `end` events, and
# what triggers with a delay ask for.
MESSAGES: Final[dict[str, tuple[str, ...]]] = {
    ACTIVITIES: ("event",),
    CONFIGS: tuple(CONFIG_KINDS),
    JOBS: ("job",),
    JOBS_RETRY: ("job",),
    JOBS_REPLAY: ("job",),
    **{tier.topic: ("job", "event", "notice", "command") for tier in TIERS},
    ATTEMPTS: ("attempt",),
    FAILURE_TRIGGERS: ("failure",),
    ACTIVITY_COMMANDS: ("command",),
    NOTICES: ("notice",),
    NOTIFIER_STATE: ("notifier_state",),
    INBOUND: ("inbound",),
    DEAD_LETTERS: ("dead_letter",),
}

_OF_ACTIVITY: Final = {
    "type": "string",
    "pattern": "^[1-9][0-9]*:.+$",
    "description": "account:activity",
}
_OF_WEBHOOK: Final = {**_OF_ACTIVITY, "description": "account:webhook"}

# The key of each record; records of one key keep their order. A dead letter keeps the key it had.
_KEYS: Final[dict[str, dict[str, str]]] = {
    "event": _OF_ACTIVITY,
    "job": _OF_WEBHOOK,
    "attempt": _OF_WEBHOOK,
    "failure": _OF_ACTIVITY,
    "notice": _OF_WEBHOOK,
    "notifier_state": _OF_WEBHOOK,
    "command": _OF_ACTIVITY,
    "inbound": {**_OF_ACTIVITY, "description": "account:source"},
    "dead_letter": {"type": "string"},
    **{
        kind: {
            "type": "string",
            "pattern": f"^[1-9][0-9]*/{kind}/.+$",
            "description": f"account/{kind}/id",
        }
        for kind in CONFIG_KINDS
    },
}

_HEADERS: Final = {
    "id": {"type": "string", "description": "The record's own id, for logs and searches."},
    "attempt": {"type": "string", "pattern": _DIGITS, "description": "The attempt's number."},
    "lane": {"type": "string", "enum": ["new", "retry", "replay"]},
    "due-at": {
        "type": "string",
        "pattern": _DIGITS,
        "description": "When the record is due, in milliseconds since the epoch.",
    },
    "stage": {"type": "string", "enum": ["first", "again", "final"]},
    "to": {"type": "string", "description": "On a tier: the topic to go to when it is due."},
    "traceparent": {"type": "string", "description": "W3C Trace Context."},
}

# Which of them a record carries; a configuration and a dead letter have none.
_CARRIED: Final[dict[str, tuple[str, ...]]] = {
    "event": ("id", "due-at", "to", "traceparent"),
    "job": ("id", "attempt", "lane", "due-at", "to", "traceparent"),
    "attempt": ("id", "attempt", "lane", "traceparent"),
    "failure": ("id", "stage", "traceparent"),
    "notice": ("id", "attempt", "due-at", "to", "traceparent"),
    "command": ("id", "due-at", "to", "traceparent"),
    "inbound": ("id", "traceparent"),
}


def asyncapi() -> dict[str, Any]:
    """The document, with its payloads in the schema files beside it."""
    declared = topics()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Hookline",
            "version": DOCUMENT_VERSION,
            "description": "The Kafka topics of Hookline, the webhook engine of a call-tracking "
            "platform: activity phase events in, webhooks called, nothing lost.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in declared},
        "operations": _operations(declared),
        "components": {"messages": {name: _message(name) for name in RECORDS}},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    names = MESSAGES.get(topic.name, ())
    return {
        "address": topic.name,
        "title": topic.holds,
        "description": f"Key: `{topic.key}`. {_kept(topic)}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _kept(topic: Topic) -> str:
    if topic.retention_ms is None:
        return "Kept for ever, the newest record of each key; an empty value deletes the key."
    return f"Kept for {topic.retention_ms / 3_600_000:g} hours."


def _configuration(topic: Topic) -> dict[str, Any]:
    retention = {} if topic.retention_ms is None else {"retention.ms": topic.retention_ms}
    return {
        "cleanup.policy": [topic.cleanup],
        **retention,
        "max.message.bytes": topic.record_bytes_max,
    }


def _operations(declared: tuple[Topic, ...]) -> dict[str, Any]:
    """What Hookline does; all but `activities` it also writes itself, to be read by its agents."""
    received = {ACTIVITIES, CONFIGS, JOBS, JOBS_RETRY, JOBS_REPLAY, FAILURE_TRIGGERS}
    received |= {NOTICES, NOTIFIER_STATE, INBOUND}
    received |= {tier.topic for tier in TIERS}
    return {
        f"{action}.{topic.name}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{topic.name}"},
        }
        for topic in declared
        for action in ("receive", "send")
        if action == "send" or topic.name in received
    }


def _message(name: str) -> dict[str, Any]:
    summary = (RECORDS[name].__doc__ or "").split("\n", 1)[0]
    carried = {header: _HEADERS[header] for header in _CARRIED.get(name, ())}
    return {
        "name": name,
        "summary": summary,
        **({"headers": {"type": "object", "properties": carried}} if carried else {}),
        "payload": {"schemaFormat": _JSON_SCHEMA, "schema": {"$ref": f"./{name}.json"}},
        "bindings": {"kafka": {"key": _KEYS[name], "bindingVersion": _KAFKA_BINDING}},
    }
