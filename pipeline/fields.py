"""A field of an activity, by the name a customer knows it by.

`Tracking Source`, `Tag(s)` or `Total Time` are the words of the filter form, in any case, with
blanks or underscores; every other name is a path. A custom field is found under both of its names,
`custom_x` and `custom_fields.x`, whichever the upstream system wrote. The tags are a set, which
some upstream systems write as one text with commas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pipeline.paths import Path, compile_path

_ALIASES: Final = {
    "trackingsource": "source",
    "trackingnumber": "tracking_number",
    "tag": "tag_list",
    "tags": "tag_list",
    "talktime": "talk_time",
    "totaltime": "duration",
}
_TAGS: Final = "tag_list"
_CUSTOM: Final = "custom_"
_CUSTOM_FIELDS: Final = "custom_fields"

# Top-level names only: `extended_lookup.street_number` or `custom_account_number` are no phones.
_PHONE: Final = re.compile(r"(?!custom_)(\w+_)?number(_bare|_format|_complete)?")


@dataclass(frozen=True, slots=True)
class ActivityField:
    """Where a field is looked for: the first of `paths` that finds something has it."""

    name: str
    paths: tuple[Path, ...]
    is_phone: bool
    is_set: bool = False

    def find(self, activity: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON can be anything
        """The field's value in an activity, or None when it is missing or null."""
        for path in self.paths:
            value = path.find(activity)
            if value is not None:
                return value
        return None


# A hundred thousand webhooks name the same few fields.
@lru_cache(maxsize=4_096)
def activity_field(written: str) -> ActivityField:
    """The field that a customer calls `written`; raises `Malformed` when it is not a path."""
    folded = re.sub(r"[\s_()-]", "", written).lower()
    path = compile_path(_ALIASES.get(folded, written))
    name = path.only_name
    is_phone = name is not None and _PHONE.fullmatch(name) is not None
    return ActivityField(path.text, (path, *_other_names(path)), is_phone, is_set=name == _TAGS)


def elements(value: object) -> object:
    """The elements of a set as a list, also when it is written as one text with commas."""
    if not isinstance(value, str):
        return value
    return [element for part in value.split(",") if (element := part.strip())]


def _other_names(path: Path) -> tuple[Path, ...]:
    """The same custom field under its other name; nothing for any other field."""
    first, *rest = path.steps
    if first == _CUSTOM_FIELDS:
        if rest and isinstance(rest[0], str):
            return (Path(path.text, (_CUSTOM + rest[0], *rest[1:])),)
    elif isinstance(first, str) and first.startswith(_CUSTOM):
        return (Path(path.text, (_CUSTOM_FIELDS, first.removeprefix(_CUSTOM), *rest)),)
    return ()
