"""Field types that several configuration records share: slugs, names, times, time zones."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.phases import PHASE_IDS, canonical_phase

_SLUG: Final = r"[a-z0-9][a-z0-9_-]{0,62}"
_SHA256: Final = r"[0-9a-f]{64}"


def form(pattern: str, message: str) -> AfterValidator:
    """A validator for text that `pattern` must match as a whole, whose fault says what is meant."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(message)
        return text

    return AfterValidator(check)


def shown(pattern: str) -> dict[str, Any]:
    """The same pattern as a JSON Schema shows it, for `json_schema_extra`."""
    return {"pattern": f"^{pattern}$"}


AccountId = Annotated[int, Field(ge=1, lt=2**63)]
Slug = Annotated[
    str,
    form(_SLUG, "must be 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit"),
    Field(json_schema_extra=shown(_SLUG)),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=2_000)]
Hash = Annotated[
    str,
    form(_SHA256, "must be a SHA-256 in hex: 64 of 0-9 and a-f"),
    Field(json_schema_extra=shown(_SHA256)),
]
# What led to something, oldest first: triggers and webhooks, as `trigger/<id>`, `webhook/<id>`.
_LINK: Final = rf"(trigger|webhook)/{_SLUG}"
# Three triggers with their webhooks, and room for one more release to follow longer chains.
CHAIN_MAX: Final = 8
Link = Annotated[
    str,
    Field(json_schema_extra=shown(_LINK)),
    form(_LINK, "must be trigger/ or webhook/ and its id"),
]
Time = Annotated[str, Field(max_length=40)]  # RFC 3339, in UTC


def _canonical(position: str) -> str:
    phase = canonical_phase(position)
    if phase is None:
        raise ValueError(f"unknown phase {position[:40]!r}; known are {', '.join(PHASE_IDS)}")
    return phase


Position = Annotated[
    str, AfterValidator(_canonical), Field(json_schema_extra={"examples": [*PHASE_IDS]})
]


def _as_text(value: object) -> object:
    """YAML reads an unquoted id such as `42` as a number; an id is text all the same."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


SlugLike = Annotated[Slug, BeforeValidator(_as_text)]


@cache
def _time_zones() -> frozenset[str]:
    """Their names, read once: it takes as long as reading hundreds of accounts."""
    return frozenset(available_timezones())


def _known_time_zone(time_zone: str) -> str:
    if time_zone not in _time_zones():
        raise ValueError(f"unknown time zone {time_zone[:60]!r}; use a name like America/Denver")
    return time_zone


TimeZone = Annotated[str, AfterValidator(_known_time_zone)]
