"""Filters for tests, as they are written in a document and ready to be asked."""

from __future__ import annotations

from typing import Any

from pipeline.filters import compile_filter
from schemas.codec import validate
from schemas.filter import Filter


def a_filter(*rules, **groups):
    written: Any = groups or {"all": [rule(*each) for each in rules]}
    return compile_filter(validate(Filter, written))


def rule(field, op, value=None):
    return {"field": field, "op": op, "value": value}


def accepts(field, op, value, **activity):
    return a_filter((field, op, value)).accepts({"id": 1, **activity})
