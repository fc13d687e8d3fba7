"""Drawn documents of what the notifier remembers, and of the failures that it tells of."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.config_strategies import message_documents
from tests.support.values import Drawn, account_ids, counts, fields, slugs, texts, times_ms

stages = st.sampled_from(["first", "again", "final"])

told_documents: Drawn = fields(
    {
        "delivery_id": texts,
        "stage": stages,
        "at_ms": times_ms,
        "attempts": counts,
        "reason": texts,
    },
    {"detail": texts, "status": st.none() | counts},
)

_windows: Drawn = fields(
    {
        "name": texts,
        "trigger_id": slugs,
        "action": message_documents,
        "opened_by": texts,
        "opened_at_ms": times_ms,
        "ends_at_ms": times_ms,
    },
    {
        "count": counts,
        "counted_to": counts,
        "last": st.none() | told_documents,
    },
)

notifier_state_documents: Drawn = fields(
    {"account_id": account_ids, "webhook_id": slugs},
    {
        "windows": st.lists(_windows, max_size=3),
        "disabling": st.none()
        | fields({"since_ms": times_ms, "step": st.integers(min_value=0, max_value=100)}),
    },
)
