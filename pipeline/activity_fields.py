"""The fields of an activity that a mapping may fill, and what kind of value each of them holds.

A field of the account's own has a name like `custom_…`. Ids, and what the telephone system alone
can know, are no targets. A value of another kind is made one of the right kind where that is plain
(`"42"` is 42), and refused where it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from pipeline.comparisons import decimal_of
from pipeline.fields import elements
from pipeline.paths import as_text, compile_path
from schemas.codec import Fault, Malformed

Kind: TypeAlias = Literal["text", "number", "integer", "score", "bool", "tags", "phone", "custom"]

# A letter of ten pages.
TEXT_CHARACTERS_MAX: Final = 20_000
# Choices of a list, or tags.
ELEMENTS_MAX: Final = 100
NAME_CHARACTERS_MAX: Final = 100
CUSTOM: Final = "custom_"
CUSTOM_FIELDS: Final = "custom_fields"
# Not a field: it says how to read the number beside it.
COUNTRY_CODE: Final = "country_code"

_TEXTS: Final = (
    "name cnam email street city state country postal_code source tracking_label business_label"
    " status call_status dial_status called_at notes summary transcription_text audio message_id"
    " message_body search referrer location last_location medium campaign keyword web_source"
    " visitor_sid visitor_ip direction sid agent.id agent.name agent.email sale.value sale.name"
    " sale.sale_date sale.notes form.form_name form.unique_form_id form.type form.domain"
    " country_code"
)
_NUMBERS: Final = "latitude longitude cost likelihood"
_INTEGERS: Final = "unix_time duration talk_time ring_time hold_time wait_time"
_BOOLS: Final = "sale.conversion is_new_caller spam"
_PHONES: Final = "caller_number tracking_number business_number contact_number alternative_number"
_BY_KIND: Final[dict[Kind, str]] = {
    "text": _TEXTS,
    "number": _NUMBERS,
    "integer": _INTEGERS,
    "bool": _BOOLS,
    "phone": _PHONES,
    "score": "sale.score",
    "tags": "tag_list",
}
KINDS: Final[dict[str, Kind]] = {
    name: kind for kind, names in _BY_KIND.items() for name in names.split()
}
# Objects of which every field is a text.
_OPEN: Final = frozenset({"paid", "ga", "webvisit", "first_touch", "last_touch"})
_SCORES: Final = range(6)
# Beyond it doubles, and so other systems, lose digits.
_INTEGER_END: Final = Decimal(2**53)
_YES: Final = "true yes y on 1 x ja oui si sí sim checked"
_NO: Final = "false no n off 0 nein non não unchecked"
_WORDS: Final[dict[str, bool]] = {
    **dict.fromkeys(_YES.split(), True),
    **dict.fromkeys(_NO.split(), False),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A field to fill: its name, and the kind of its value."""

    name: str
    kind: Kind


class UnfitError(ValueError):
    """A value that is not of the kind that is wanted, with why."""


def target_of(written: str) -> Target:
    """The field that a mapping calls `written`; raises `Malformed` when there is none to fill."""
    path = compile_path(written)
    steps = tuple(step for step in path.steps if isinstance(step, str))
    if len(steps) < len(path.steps):
        raise _no_target("names no field: an activity's lists cannot be filled in part")
    custom = _custom_name(steps)
    if custom is not None:
        return Target(f"{CUSTOM}{custom}", "custom")
    kind = KINDS.get(path.text)
    if kind is None and len(steps) == len(("paid", "campaign")) and steps[0] in _OPEN:
        kind = "text"
    if kind is None:
        raise _no_target("is no field of an activity; one of your own has a name like custom_…")
    return Target(path.text, kind)


def _custom_name(steps: tuple[str, ...]) -> str | None:
    """The name of the account's own field that is meant, if one is; raises `Malformed`."""
    first, *rest = steps
    if first == CUSTOM_FIELDS:
        name = rest[0].removeprefix(CUSTOM) if len(rest) == 1 else ""
    elif first.startswith(CUSTOM) and not rest:
        name = first.removeprefix(CUSTOM)
    else:
        return None
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or not name.isprintable() or name == "fields":
        message = f"a custom field's name has 1 to {NAME_CHARACTERS_MAX} printable characters"
        raise _no_target(message)
    return name


def steps_of(name: str) -> tuple[str, ...]:
    """Where a target's value stands in an activity; custom fields stand together."""
    if name.startswith(CUSTOM):
        return CUSTOM_FIELDS, name.removeprefix(CUSTOM)
    return tuple(name.split("."))


def fitted(value: object, kind: Kind) -> Any:  # noqa: ANN401 - any field
    """The value as one of `kind`; raises `UnfitError`. A telephone number is a text here."""
    return _FITTERS[kind](value)


def word_of(value: object) -> bool:
    """What a value says to yes or no; raises `UnfitError`."""
    if isinstance(value, bool):
        return value
    word = _WORDS.get((as_text(value) or "").strip().lower())
    if word is None:
        raise UnfitError("must be true or false")
    return word


def text_of(value: object) -> str:
    """A value as a text, a list as its elements with commas; raises `UnfitError`."""
    if isinstance(value, list):
        return _limited(", ".join(_scalar(each) for each in value if each not in (None, "")))
    return _limited(_scalar(value))


def _scalar(value: object) -> str:
    text = as_text(value)
    if text is None:
        raise UnfitError("must be text, and is an object or a list of them")
    return text


def _limited(text: str) -> str:
    if len(text) > TEXT_CHARACTERS_MAX:
        raise UnfitError(f"has {len(text)} characters, more than {TEXT_CHARACTERS_MAX}")
    return text


def _text(value: object) -> str:
    return text_of(value).strip()


def _phone(value: object) -> str:
    """A spreadsheet makes a number of a telephone number, and a double of that."""
    is_whole = isinstance(value, float) and value.is_integer()
    return text_of(int(value) if is_whole and isinstance(value, float) else value)


def _number(value: object) -> int | float:
    number = decimal_of(value)
    if number is None:
        raise UnfitError("must be a number")
    return int(number) if number == number.to_integral_value() else float(number)


def _integer(value: object) -> int:
    number = decimal_of(value)
    if number is None or number < 0:
        raise UnfitError("must be a number, not below 0")
    if number >= _INTEGER_END:
        raise UnfitError("is too large")
    return int(number)


def _score(value: object) -> int:
    number = decimal_of(value)
    if number is None or number not in _SCORES:
        raise UnfitError("must be a whole number from 0 to 5")
    return int(number)


def _tags(value: object) -> list[str]:
    given = elements(value) if isinstance(value, str) else value
    items = given if isinstance(given, list) else [given]
    tags = [tag for each in items if (tag := text_of(each).strip())]
    if len(tags) > ELEMENTS_MAX:
        raise UnfitError(f"has {len(tags)} tags, more than {ELEMENTS_MAX}")
    return tags


def _custom(value: object) -> Any:  # noqa: ANN401 - a scalar or a list of them
    """A custom field holds whatever a form can: a scalar, or the choices of a list."""
    if isinstance(value, list) and len(value) > ELEMENTS_MAX:
        raise UnfitError(f"has {len(value)} elements, more than {ELEMENTS_MAX}")
    text_of(value)
    return value


def _no_target(message: str) -> Malformed:
    return Malformed((Fault("", message),))


_FITTERS: Final[dict[Kind, Callable[[Any], Any]]] = {
    "text": _text,
    "phone": _phone,
    "number": _number,
    "integer": _integer,
    "score": _score,
    "bool": word_of,
    "tags": _tags,
    "custom": _custom,
}
