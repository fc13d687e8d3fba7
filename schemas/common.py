"""Field types that several configuration records share: slugs, names, times."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

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
