"""Hypothesis strategies for the values that records are made of, and for any JSON."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from schemas.phases import PHASE_IDS, PHASES

Drawn = st.SearchStrategy[dict[str, Any]]

# Integers on both sides of 32, 53 and 64 bits, and far beyond them.
integers = st.integers() | st.integers(min_value=-(10**400), max_value=10**400)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | integers | floats | st.text(max_size=20)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)

texts = st.text(max_size=12)
names = st.text(min_size=1, max_size=12)
slugs = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
account_ids = st.integers(min_value=1, max_value=2**63 - 1)
times_ms = st.integers(min_value=0, max_value=2**53)
counts = st.integers(min_value=0, max_value=1_000)
phases = st.sampled_from(PHASE_IDS)
phase_spellings = st.sampled_from([name for row in PHASES for name in (row.id, *row.aliases)])
activity_ids = st.integers() | st.text(min_size=1, max_size=20)
hashes = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
lanes = st.sampled_from(["new", "retry", "replay"])
pairs = st.lists(st.tuples(texts, texts).map(list), max_size=3)


def fields(required: dict[str, Any], optional: dict[str, Any] | None = None) -> Drawn:
    return st.fixed_dictionaries(required, optional=optional or {})
