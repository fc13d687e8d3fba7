"""Where in a JSON text a value is about to be written, and whether it may be written there.

Escaping alone does not keep a value in its place: `[{{x}}]` with the text `1,2` would make two
elements, and `["{{{x}}}"]` with the text `,` would too. So inside quotes only what has no quote may
stand, and outside them, in a list or an object, only what is one whole JSON value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_MARK: Final = re.compile(r'\\.?|["{}\[\]]', re.DOTALL)
_SCALAR: Final = re.compile(r"true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_IN_QUOTES: Final = "a JSON value inside quotes: write {{…}} there, with two braces"
_OUTSIDE_QUOTES: Final = 'a text outside quotes: write "{{…}}" with quotes, or {{{…}}}'
_DEPTH: Final = {"{": 1, "[": 1, "}": -1, "]": -1}


class Place(NamedTuple):
    """Whether a string is open, whether a backslash just began an escape in it, how deep it is."""

    in_string: bool = False
    is_escape: bool = False
    depth: int = 0


_BEGINNING: Final = Place()
# Where a body begins, of which even the outermost value must not be made by a text.
WITHIN: Final = Place(depth=1)


@dataclass(slots=True)
class JsonPlaces:
    """The place reached by a text that is written piece by piece."""

    place: Place = _BEGINNING
    _known: dict[tuple[str, bool, bool], Place] = field(default_factory=dict)

    def pass_over(self, text: str) -> None:
        """Go on behind a piece of the template, which is read once however often it is written."""
        in_string, is_escape, depth = self.place
        key = (text, in_string, is_escape)
        after = self._known.get(key)
        if after is None:
            after = self._known[key] = behind(Place(in_string, is_escape), text)
        self.place = Place(after.in_string, after.is_escape, depth + after.depth)

    def refusal(self, value: object, text: str, *, is_raw: bool) -> str | None:
        """Why `text`, which is `value` written for JSON, may not stand here; None when it may."""
        in_string, is_escape, depth = self.place
        if is_escape:
            return "a value may not follow a backslash" if text else None
        if in_string:
            return _IN_QUOTES if is_raw and '"' in text else None
        if is_raw or not text or _is_whole(value, text):
            return None
        if depth > 0:
            return _OUTSIDE_QUOTES
        # Around the value there is no structure that it could change; it may bring its own.
        self.place = behind(self.place, text)
        return None


def behind(place: Place, text: str) -> Place:
    """The place behind `text` when it begins at `place`."""
    in_string, is_escape, depth = place
    begin = 1 if is_escape and text else 0
    is_escape = is_escape and not text
    for match in _MARK.finditer(text, begin):
        mark = match[0]
        if mark == '"':
            in_string = not in_string
        elif mark[0] == "\\":
            is_escape = in_string and len(mark) == 1
        elif not in_string:
            depth += _DEPTH[mark]
    return Place(in_string, is_escape, depth)


def _is_whole(value: object, text: str) -> bool:
    """Whether the inside of a string is a JSON value as well, and so cannot be more than one."""
    return '"' not in text if not isinstance(value, str) else bool(_SCALAR.fullmatch(text))
