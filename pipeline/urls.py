"""The URL of a request: tokens and pixel variables replaced by values of the activity.

A template is cut into pieces once, in one pass, so a value is never looked at again. Tokens stand
in the path, the query or the fragment, and each value is percent-encoded until nothing in it can
end the place it stands in. Host and port hold no token: no value decides where a request goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import pydantic_core

from pipeline.fields import ActivityField, activity_field
from pipeline.paths import as_text
from schemas.codec import Fault, Malformed
from schemas.http_fields import TOKEN, url_authority_end
from schemas.tokens import PIXEL_VARIABLES

# What common servers accept as a request line (nginx and Apache stop at 8 KiB).
URL_CHARACTERS_MAX: Final = 8_000

_NAMES: Final = "|".join(sorted(PIXEL_VARIABLES, key=len, reverse=True))
# `(:name)` and `:name`, where the name ends: `:sourcecode` is no variable, and neither is `12:30`.
_VARIABLE: Final = rf"\(:(?P<enclosed>{_NAMES})\)|:(?P<open>{_NAMES})(?![A-Za-z0-9_])"
_IN_PIXEL: Final = re.compile(rf"\{{\{{(?P<token>[^{{}}]*)\}}\}}|{_VARIABLE}")


class UrlError(ValueError):
    """A URL that cannot be made of this activity."""


@dataclass(frozen=True, slots=True)
class UrlTemplate:
    """Texts and fields in turn; `fields` stand between the texts, so there is one text more."""

    texts: tuple[str, ...]
    fields: tuple[ActivityField, ...]

    def expand(self, activity: dict[str, Any]) -> str:
        """The URL for an activity; a missing value is empty. Raises `UrlError` when too long."""
        url = self.texts[0]
        for field, text in zip(self.fields, self.texts[1:], strict=True):
            url += _encoded(field.find(activity)) + text
        if len(url) > URL_CHARACTERS_MAX:
            raise UrlError(f"the URL has {len(url)} characters, more than {URL_CHARACTERS_MAX}")
        return url


@lru_cache(maxsize=16_384)
def compile_url(url: str, *, is_pixel: bool) -> UrlTemplate:
    """The pieces of a URL; raises `Malformed` for a token that is no path."""
    start = url_authority_end(url)
    texts, fields, end = [], [], 0
    for match in (_IN_PIXEL if is_pixel else TOKEN).finditer(url, start):
        texts.append(url[end : match.start()])
        fields.append(_field(match))
        end = match.end()
    return UrlTemplate((*texts, url[end:]), tuple(fields))


def _field(match: re.Match[str]) -> ActivityField:
    named = match.groupdict()
    variable = named.get("enclosed") or named.get("open")
    if variable is not None:
        return activity_field(PIXEL_VARIABLES[variable])
    name = match[1].strip()
    try:
        return activity_field(name)
    except Malformed as malformed:
        why = malformed.faults[0].message
        raise Malformed((Fault("", f"{match[0]} is no token: {why}"),)) from None


def _encoded(value: object) -> str:
    """A value with everything but letters, digits and `-._~` percent-encoded."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = ",".join(value)
    else:
        short = as_text(value)
        text = pydantic_core.to_json(value).decode() if short is None else short
    # A segment of dots would be taken for this folder, or for the one above.
    return text.replace(".", "%2E") if text in {".", ".."} else quote(text, safe="")
