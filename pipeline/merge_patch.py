"""A JSON merge patch (RFC 7396): what a PATCH changes, and what it leaves as it is.

An object is merged field by field, null removes a field, and anything else, lists included, takes
the place of what was there.
"""

from __future__ import annotations

from typing import Any


def merged(target: object, patch: object) -> Any:  # noqa: ANN401 - any JSON
    """`target` with the patch applied; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
