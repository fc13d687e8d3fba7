"""Hypothesis strategies for configuration, as documents that the decoder takes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from schemas.filter import OPS
from schemas.tiers import TIERS
from tests.support.values import (
    Drawn,
    account_ids,
    counts,
    fields,
    floats,
    hashes,
    json_values,
    names,
    phases,
    slugs,
    texts,
    times_ms,
)

_rule_values = st.booleans() | st.integers() | floats | texts


def _rule(op: str) -> Drawn:
    value: st.SearchStrategy[Any] = _rule_values
    if op in {"in", "not_in"}:
        value = st.lists(_rule_values, max_size=3)
    if op in {"set", "not_set"}:
        value = st.none()
    return fields({"field": names, "op": st.just(op), "value": value})


rule_documents: Drawn = st.sampled_from(OPS).flatmap(_rule)
group_documents: Drawn = fields({"all": st.lists(rule_documents, min_size=1, max_size=3)})
filter_documents: Drawn = group_documents | fields(
    {"any": st.lists(group_documents, min_size=1, max_size=3)}
)

dates = {
    "version": counts,
    "created_at": st.none() | texts,
    "updated_at": st.none() | texts,
}

account_documents: Drawn = fields(
    {"id": account_ids, "name": names},
    {
        "time_zone": st.sampled_from(["UTC", "America/Denver", "Europe/Paris"]),
        "features": fields({}, {"webhooks": st.booleans(), "enhanced_caller_id": st.booleans()}),
        **dates,
    },
)

_header_names = st.from_regex(r"X-[A-Za-z0-9]{1,12}", fullmatch=True)
_header_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
_schedules = st.lists(st.sampled_from([tier.name for tier in TIERS]), max_size=12)

webhook_documents: Drawn = fields(
    {
        "id": slugs,
        "account_id": account_ids,
        "name": names,
        "position": phases,
        "url": st.sampled_from(["https://a.example/", "http://b.example:8080/in?x=%20#y"]),
    },
    {
        "description": texts,
        "enabled": st.booleans(),
        "filter": st.none() | filter_documents,
        "headers": st.lists(
            fields({"name": _header_names, "value": _header_values}),
            max_size=3,
            unique_by=lambda header: header["name"].lower(),
        ),
        "basic_auth": st.none() | fields({"username": st.just("u")}, {"password": st.just("p")}),
        "signing": st.sampled_from(
            [
                {"scheme": "none"},
                {"secrets": ["whsec_" + "QUJD" * 8, "whsec_" + "QUJD" * 21 + "QQ=="]},
            ]
        ),
        "retry": fields(
            {},
            {
                "schedule": _schedules,
                "max_attempts": st.none() | st.integers(min_value=1, max_value=50),
                "retry_on": st.lists(st.sampled_from(["5xx", "429", "timeout", "tls"]), max_size=3),
            },
        ),
        "failure_trigger": st.none() | fields({"trigger_id": slugs}, {"on": st.just("final")}),
        "timeout_s": st.floats(min_value=1, max_value=30) | st.integers(min_value=1, max_value=30),
        "concurrency_max": st.integers(min_value=1, max_value=64),
        "rate_limit": st.none()
        | fields({"per_second": st.floats(0.01, 10_000) | st.integers(1, 10_000)}),
        "ordered": st.booleans(),
        "auto_disable": st.none() | fields({"after_s": st.integers(3_600, 14 * 24 * 60 * 60)}),
        "disabled_reason": st.none() | texts,
        "expire_after_s": st.integers(min_value=60, max_value=6 * 24 * 60 * 60),
        **dates,
    },
)

message_documents: Drawn = st.sampled_from(
    [
        {"type": "email", "to": ["a@example.com"], "subject": "s", "template": "t"},
        {"type": "text", "to": ["+13035550100", "{{caller_number}}"]},
    ]
).map(dict)
asking_documents: Drawn = st.sampled_from(
    [
        {"type": "tag", "add": ["hot"], "remove": ["cold"]},
        {"type": "score", "score": 4, "conversion": True, "value": "85.00"},
        {"type": "custom_field", "name": "stage", "value": "called {{name}}"},
    ]
).map(dict)
_actions = (
    message_documents | asking_documents | st.just({"type": "run_webhook", "webhook_id": "crm"})
)
_days = st.lists(st.sampled_from(["mon", "wed", "sun"]), min_size=1, unique=True)
_hours = fields(
    {"op": st.sampled_from(["schedule_open", "schedule_closed"])},
    {"days": _days, "opens": st.just("22:00"), "time_zone": st.none() | st.just("Europe/Paris")},
)
_conditions = rule_documents | _hours | fields({"op": st.just("weekday"), "days": _days})
_condition_groups = fields({"all": st.lists(_conditions, min_size=1, max_size=3)})
condition_documents: Drawn = _condition_groups | fields(
    {"any": st.lists(_condition_groups, min_size=1, max_size=3)}
)

trigger_documents: Drawn = fields(
    {
        "id": slugs,
        "account_id": account_ids,
        "name": names,
        "actions": st.lists(_actions, min_size=1, max_size=4),
    },
    {
        "positions": st.lists(phases, max_size=3),
        "conditions": st.none() | condition_documents,
        "delay": st.none() | st.sampled_from([tier.name for tier in TIERS]),
        "enabled": st.booleans(),
        **dates,
    },
)

_transforms = st.sampled_from(
    [
        "trim",
        {"type": "number", "decimal": ","},
        {"type": "e164", "region": "US"},
        {"type": "split", "by": ",", "index": -1},
        {"type": "concat", "separator": "-"},
        {"type": "date", "format": "%d.%m.%Y", "time_zone": "Europe/Paris", "to": "unix"},
        {"type": "lookup", "table": {"a": 1}, "otherwise": None},
        {"type": "template", "template": "{{value}}"},
    ]
)
_verifications = st.sampled_from(
    [
        {"type": "none"},
        {"type": "basic", "username": "u", "password": "p"},
        {"type": "header", "header": "X-Key", "secrets": ["s"]},
        {"type": "github", "secrets": ["s", "t"]},
        {"type": "query", "parameter": "key", "secrets": ["s"]},
        {"type": "standard_webhooks", "secrets": ["whsec_" + "QUJD" * 8], "tolerance_s": 60},
        {"type": "hmac", "header": "X-Signature", "encoding": "base64", "secrets": ["s"]},
        {
            "type": "hmac",
            "header": "X-Signature",
            "content": "v0:{timestamp}:{body}",
            "timestamp_header": "X-Time",
            "secrets": ["s"],
        },
    ]
)

source_documents: Drawn = fields(
    {"id": slugs, "account_id": account_ids, "name": names},
    {
        "phase": phases.filter(lambda phase: phase != "route"),
        "token_hash": st.none() | hashes,
        "verification": _verifications,
        "deduplication": st.sampled_from([None, {"header": "X-Id"}, {"path": "id"}]),
        "allow_no_phone": st.booleans(),
        "region": st.sampled_from([None, "US"]),
        "mapping": st.lists(
            fields(
                {"target": names},
                {
                    "paths": st.lists(names, max_size=3),
                    "transforms": st.lists(_transforms, max_size=3),
                    "default": json_values,
                    "on_error": st.sampled_from(["reject", "null", "keep"]),
                },
            ),
            max_size=3,
        ),
        **dates,
    },
)

key_documents: Drawn = fields(
    {
        "id": slugs,
        "account_id": account_ids,
        "name": names,
        "scopes": st.lists(st.sampled_from(["read", "write", "ingest"]), min_size=1, max_size=3),
        "secret_hash": hashes,
    },
    dates,
)

rerun_documents: Drawn = fields(
    {
        "id": slugs,
        "account_id": account_ids,
        "webhook_id": slugs,
        "number": st.integers(min_value=1, max_value=50),
        "expires_at_ms": times_ms,
    },
    dates,
)

_selections = fields(
    {"from_ms": st.integers(0, 10), "to_ms": st.integers(11, 20)},
    {
        "webhook_id": st.none() | slugs,
        "phases": st.lists(phases, max_size=3),
        "reasons": st.lists(names, max_size=3),
        "statuses": st.lists(st.integers(100, 599), max_size=3),
    },
) | fields(
    {"from_ms": st.just(0), "to_ms": st.just(1), "source": st.just("activities")},
    {"only_missed": st.booleans()},
)

replay_documents: Drawn = fields(
    {"id": slugs, "account_id": account_ids, "selection": _selections, "started_at_ms": times_ms},
    {
        "mode": st.sampled_from(["original", "current"]),
        "per_second": st.floats(0.1, 1_000) | st.integers(1, 1_000),
        "state": st.sampled_from(["running", "done", "cancelled", "failed"]),
        "counts": fields({}, {"read": counts, "skipped": st.dictionaries(texts, counts)}),
        "cursor": st.dictionaries(texts, counts, max_size=3),
        **dates,
    },
)
