"""Cursors: where a list goes on, as an opaque text that a client gives back unchanged.

A list's order is that of values which never change once a row is there, so a page begins right
after the last row of the one before, however many rows have come since. What a client gives back is
read strictly: a cursor that this list did not give is a fault of the field, never a wrong page.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final, TypeAlias

from schemas.codec import Fault, Malformed

# The longest row's place has an activity's id of 200 characters, of up to six bytes in JSON each.
_CHARACTERS_MAX: Final = 2_000
_INTEGER_MAX: Final = 2**63 - 1

Place: TypeAlias = tuple[int | str, ...]


def cursor_after(kind: str, place: Place) -> str:
    """The cursor of the list of `kind` after the row whose place in its order is `place`."""
    text = json.dumps([kind, *place], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, kind: str, like: Place) -> Place:
    """The place that a cursor of the list of `kind` names, of the types that `like` has.

    Raises `Malformed` for anything else.
    """
    given = _parsed(cursor)
    if not (isinstance(given, list) and given[:1] == [kind] and _is_like(given[1:], like)):
        raise _faulty()
    return tuple(given[1:])


def is_askable(text: str) -> bool:
    """Whether a text can be looked for: no database takes a NUL or half of a surrogate pair."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _parsed(cursor: str) -> Any:  # noqa: ANN401 - any JSON
    if len(cursor) > _CHARACTERS_MAX:
        raise _faulty()
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError, binascii.Error):
        raise _faulty() from None


def _is_like(values: list[Any], like: Place) -> bool:
    return len(values) == len(like) and all(
        type(value) is type(wanted) and _can_be_asked(value)
        for value, wanted in zip(values, like, strict=True)
    )


def _can_be_asked(value: int | str) -> bool:
    """Whether both databases take it: whole numbers of 64 bits, and text without NUL."""
    if isinstance(value, int):
        return abs(value) <= _INTEGER_MAX
    return is_askable(value)


def _faulty() -> Malformed:
    return Malformed((Fault("cursor", "is not one that this list gave"),))
