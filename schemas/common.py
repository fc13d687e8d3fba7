"""Field types that several configuration records share: slugs, names, times."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.phases import PHASE_IDS, canonical_phase

AccountId = Annotated[int, Field(ge=1, lt=2**63)]
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise ValueError("must be 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit")
    return text


Slug = Annotated[
    str, AfterValidator(_slug), Field(json_schema_extra={"pattern": f"^{_SLUG.pattern}$"})
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=2_000)]
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
