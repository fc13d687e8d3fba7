"""The transforms of a mapping's row: each takes a value and gives another, or says why it cannot.

They are a fixed set, and each is bounded by the length of what it takes and gives: there is no
expression, no pattern and no loop that a customer could write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from pipeline.activity_fields import UnfitError, text_of, word_of
from pipeline.comparisons import decimal_of
from pipeline.dates import written_date
from pipeline.phone_numbers import e164
from pipeline.templates import RenderError, render
from schemas.codec import Malformed
from schemas.mapping import (
    Concat,
    Lookup,
    Simple,
    Split,
    Templated,
    ToDate,
    ToE164,
    ToNumber,
    Transform,
)

# The longest notation of a number that is ever sent for one.
_NUMBER_CHARACTERS_MAX: Final = 60
_DIGITS: Final = frozenset("0123456789")
# A mark before the first digit belongs to it, unless it ends a word as in `Rs.500`.
_AMOUNT: Final = re.compile(r"-?(?:(?<![^\W\d_])[.,](?=[0-9])|[0-9])[0-9.,'\s]*")
_BETWEEN: Final = re.compile(r"['\s]")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a transform may know beside its value; `regions` are where numbers may be from."""

    payload: dict[str, Any]
    regions: tuple[str, ...]
    time_zone: str


def transformed(value: object, transforms: Iterable[Transform], around: Surroundings) -> Any:  # noqa: ANN401 - any JSON
    """The value after each of the transforms in turn; raises `UnfitError` with the one at fault."""
    for transform in transforms:
        try:
            value = _APPLIED[type(transform)](transform, value, around)
        except UnfitError as unfit:
            raise UnfitError(f"{transform.type}: {unfit}") from None
        if is_blank(value):
            return None
    return value


def is_blank(value: object) -> bool:
    """Whether nothing was given: null, a text of blanks, an empty list or object."""
    if isinstance(value, str):
        return value.strip() == ""
    return value is None or value in ([], {})


def international(number: str, regions: tuple[str, ...]) -> str:
    """A telephone number in E.164, written as in the first of `regions` that it fits.

    Raises `UnfitError`.
    """
    for region in regions or (None,):
        try:
            return e164(number, region)
        except Malformed:
            continue
    where = " or ".join(regions)
    if where:
        raise UnfitError(f"is no telephone number, neither with a country's code nor in {where}")
    raise UnfitError(
        "is no telephone number with its country's code, such as +17205550123; "
        "for national ones set the source's region"
    )


def _simple(transform: Simple, value: object, _around: Surroundings) -> object:
    if transform.type == "bool":
        return word_of(value)
    if isinstance(value, list):
        return [_SIMPLE[transform.type](text_of(each)) for each in value]
    return _SIMPLE[transform.type](text_of(value))


def _to_number(transform: ToNumber, value: object, _around: Surroundings) -> object:
    """The one number in a text, whatever currency stands beside it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = text_of(value)
    found = _AMOUNT.search(text[:_NUMBER_CHARACTERS_MAX])
    if found is None or not _DIGITS.isdisjoint(text[found.end() :]):
        raise UnfitError("must hold one number")
    whole, _, fraction = _BETWEEN.sub("", found[0]).partition(transform.decimal)
    other = "," if transform.decimal == "." else "."
    number = decimal_of(f"{whole.replace(other, '')}.{fraction}")
    if number is None:
        raise UnfitError(f"is no number with {transform.decimal!r} before its fraction")
    return int(number) if number == number.to_integral_value() else float(number)


def _to_e164(transform: ToE164, value: object, around: Surroundings) -> object:
    own = () if transform.region is None else (transform.region,)
    return international(text_of(value), own or around.regions)


def _split(transform: Split, value: object, _around: Surroundings) -> object:
    parts = value if isinstance(value, list) else text_of(value).split(transform.by)
    if not -len(parts) <= transform.index < len(parts):
        return None
    part = parts[transform.index]
    return part.strip() if isinstance(part, str) else part


def _concat(transform: Concat, value: object, _around: Surroundings) -> object:
    items = value if isinstance(value, list) else [value]
    texts = (text_of(each).strip() for each in items if not is_blank(each))
    return text_of(transform.separator.join(texts))


def _to_date(transform: ToDate, value: object, around: Surroundings) -> object:
    return written_date(transform, value, transform.time_zone or around.time_zone)


def _lookup(transform: Lookup, value: object, _around: Surroundings) -> object:
    wanted = text_of(value).strip().casefold()
    for name, found in transform.table.items():
        if name.strip().casefold() == wanted:
            return found
    if transform.otherwise is None:
        raise UnfitError(f"{wanted[:60]!r} is not in the table")
    return transform.otherwise


def _templated(transform: Templated, value: object, around: Surroundings) -> object:
    try:
        text = render(transform.template, {**around.payload, "value": value}, mode="text")
    except RenderError as error:
        raise UnfitError(str(error)) from None
    return text_of(text)


def _digits(text: str) -> str:
    return "".join(each for each in text if each in _DIGITS)


_SIMPLE: Final[dict[str, Callable[[str], str]]] = {
    "trim": str.strip,
    "lower": str.lower,
    "upper": str.upper,
    "digits": _digits,
}
_APPLIED: Final[dict[type, Callable[[Any, Any, Surroundings], Any]]] = {
    Simple: _simple,
    ToNumber: _to_number,
    ToE164: _to_e164,
    Split: _split,
    Concat: _concat,
    ToDate: _to_date,
    Lookup: _lookup,
    Templated: _templated,
}
