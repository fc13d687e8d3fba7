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
        "expire_after_s": st.integers(min_value=60, max_value=6 * 24 * 60 * 60),
        **dates,
    },
)

_actions = st.sampled_from(
    [
        {"type": "run_webhook", "webhook_id": "crm"},
        {"type": "email", "to": ["a@example.com"], "subject": "s", "template": "t"},
        {"type": "text", "to": ["+13035550100"]},
        {"type": "tag", "add": ["hot"], "remove": ["cold"]},
    ]
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
        "conditions": st.none() | filter_documents,
        "enabled": st.booleans(),
        **dates,
    },
)

source_documents: Drawn = fields(
    {"id": slugs, "account_id": account_ids, "name": names},
    {
        "phase": phases,
        "token_hash": st.none() | hashes,
        "mapping": st.lists(
            fields(
                {"target": names},
                {"paths": st.lists(names, max_size=3), "default": json_values},
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
