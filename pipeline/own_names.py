"""The rows of a source that has none: fields under our own names, and under CallTrackingMetrics'.

They may stand at the top, or inside `form_reactor` as CTM nests them; custom fields as `custom_…`,
or in `custom_fields` or `field`, what people call them in `label`. `name` is the caller's, unless
`caller_name` is: then it is the form's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pipeline.activity_fields import CUSTOM, CUSTOM_FIELDS, KINDS, NAME_CHARACTERS_MAX
from schemas.mapping import PATHS_TOTAL_MAX, MappingRow

_ALIASES: Final = {"caller_number": ("phone_number",), "name": ("caller_name",)}
_GROUPS: Final = (CUSTOM_FIELDS, "field")
LABELS: Final = ("label", "labels")
_NESTED: Final = "form_reactor"
LABEL_CHARACTERS_MAX: Final = 500
# As many as a form has at most; what is beyond is in the payload that is kept.
_CUSTOM_MAX: Final = PATHS_TOTAL_MAX // 2


def own_rows(payload: dict[str, Any]) -> tuple[MappingRow, ...]:
    """Rows for whatever of ours the payload holds."""
    inner = payload.get(_NESTED)
    nested = inner if isinstance(inner, dict) else {}
    has_both = any("caller_name" in fields for fields in (payload, nested))
    rows = [
        MappingRow(target=name, paths=_places((*_ALIASES.get(name, ()), name)))
        for name in KINDS
        if not (has_both and name == "form.form_name")
    ]
    if has_both:
        rows.append(MappingRow(target="form.form_name", paths=_places(("name",))))
    return (*rows, *_custom_rows(payload, nested))


def own_labels(payload: dict[str, Any]) -> dict[str, str]:
    """What people call the custom fields, by their names."""
    given = (payload.get(group) for group in LABELS)
    return {
        name.removeprefix(CUSTOM): label.strip()
        for group in given
        if isinstance(group, dict)
        for name, label in group.items()
        if isinstance(label, str) and 0 < len(label.strip()) <= LABEL_CHARACTERS_MAX
    }


def _places(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(place for name in names for place in (name, f"{_NESTED}.{name}"))


def _custom_rows(payload: dict[str, Any], nested: dict[str, Any]) -> Iterator[MappingRow]:
    found: dict[str, list[str]] = {}
    for name, place in _customs(payload, nested):
        custom = name.removeprefix(CUSTOM)  # inside custom_fields some write it, too
        if _may_be_name(custom):
            found.setdefault(custom, []).append(place)
    for name, places in [*found.items()][:_CUSTOM_MAX]:
        yield MappingRow(target=f"{CUSTOM_FIELDS}{quoted(name)}", paths=tuple(places))


def _customs(payload: dict[str, Any], nested: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each custom field's name as it is written, and its path."""
    for prefix, fields in (("", payload), (_NESTED, nested)):
        for name in fields:
            if name.startswith(CUSTOM) and name not in _GROUPS:
                yield name, f"{prefix}{quoted(name)}"
    for group in _GROUPS:
        inner = payload.get(group)
        for name in inner if isinstance(inner, dict) else ():
            yield name, f"{group}{quoted(name)}"


def _may_be_name(name: str) -> bool:
    return 0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable() and name != "fields"


def quoted(name: str) -> str:
    """A step of a path that finds a name, whatever characters it has."""
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    return f'["{escaped}"]'
