"""Whether a value of a sample has the form of a field's, and which transform would read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pipeline.activity_fields import TEXT_CHARACTERS_MAX, UnfitError
from pipeline.comparisons import decimal_of
from pipeline.paths import as_text
from pipeline.synonyms import FIRST_NAME, LAST_NAME
from pipeline.transforms import Surroundings, transformed
from schemas.mapping import ToDate, ToNumber, Transform

_PHONE: Final = re.compile(
    r"(?:tel:|p:)?\s?\+?[\s()0-9./\-\u2010-\u2015]{5,30}(?:(?:ext|x)\.?\s?[0-9]{1,6})?",
    re.IGNORECASE,
)
# A day has the digits of a number, too.
_DAY: Final = re.compile(r"[0-9]{2,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}")
# Ten digits in groups, as no other number is written.
_NATIONAL: Final = re.compile(r"\(?0?[0-9]{2,4}\)?[ ./-][0-9]{3,4}[ .-][0-9]{3,4}")
_DIGITS_MIN: Final = 7
_DIGITS_MAX: Final = 17
_EMAIL: Final = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;.]{1,63}(?:\.[^@\s<>,;.]{1,63}){1,8}")
_IP: Final = re.compile(r"[0-9a-fA-F]{1,4}(?:[:.]{1,2}[0-9a-fA-F]{1,4}){2,8}")
_URL: Final = re.compile(r"https?://\S{1,2000}", re.IGNORECASE)
_LETTER: Final = re.compile(r"[^\W\d_]")
_NAME_CHARACTERS_MAX: Final = 100
_NAME_DIGITS_MAX: Final = 3
_CODE_CHARACTERS_MAX: Final = 12
_SHORT_CHARACTERS_MAX: Final = 500

# With slashes the month may be first or second; beside AM and PM it is the first.
_DAYS: Final = ("%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%B %d, %Y", "%b %d, %Y", "%d %B %Y")
_TIMES: Final = ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
_FORMATS: Final = (
    *(f"{day}{time}" for time in _TIMES for day in _DAYS),
    *(f"%m/%d/%Y {time}" for time in ("%I:%M %p", "%I:%M:%S %p")),
)
_DATES: Final = tuple(ToDate(type="date", format=each, to="unix") for each in (None, *_FORMATS))
_NUMBERS: Final = (ToNumber(type="number"), ToNumber(type="number", decimal=","))
_NOWHERE: Final = Surroundings({}, (), "UTC")


def fits(target: str, value: object) -> bool:
    """Whether a value may be that of the field."""
    return _FORMS.get(target, _is_short_text)(value)


def is_phone(value: object) -> bool:
    """Whether a value has the digits of a telephone number, and nothing that those never have."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = None if isinstance(value, bool) else as_text(value)
    if text is None or not _PHONE.fullmatch(text.strip()):
        return False
    digits = sum(each.isdigit() for each in text)
    return _DIGITS_MIN <= digits <= _DIGITS_MAX and not _DAY.fullmatch(text.strip())


def is_surely_phone(value: object) -> bool:
    """Whether a text is a telephone number by its looks alone."""
    return (
        isinstance(value, str)
        and is_phone(value)
        and not _is_address(value)
        and (value.strip()[0] == "+" or _NATIONAL.fullmatch(value.strip()) is not None)
    )


def is_email(value: object) -> bool:
    """Whether a value is an address and nothing else."""
    return isinstance(value, str) and _EMAIL.fullmatch(value.strip()) is not None


def date_transform(value: object) -> ToDate | None:
    """The transform that reads a value as a time, if one does so without doubt."""
    return next((each for each in _DATES if _reads(each, value)), None)


def number_transform(value: object) -> ToNumber | None:
    """The transform that reads a value as a number, if it needs one."""
    return next((each for each in _NUMBERS if _reads(each, value)), None)


def is_plain_number(value: object) -> bool:
    """Whether a value is a number as it stands."""
    return not isinstance(value, bool) and decimal_of(value) is not None


def _reads(transform: Transform, value: object) -> bool:
    try:
        transformed(value, (transform,), _NOWHERE)
    except UnfitError:
        return False
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_CHARACTERS_MAX


def _is_short_text(value: object) -> bool:
    return _is_text(value) and len(str(value)) <= _SHORT_CHARACTERS_MAX


def _is_name(value: object) -> bool:
    """Whether a value has the form of a person's or a place's name."""
    text = str(value)
    return (
        isinstance(value, str)
        and len(text) <= _NAME_CHARACTERS_MAX
        and _LETTER.search(text) is not None
        and sum(each.isdigit() for each in text) <= _NAME_DIGITS_MAX
        and "@" not in text
        and "://" not in text
    )


def _is_code(value: object) -> bool:
    text = None if isinstance(value, bool) else as_text(value)
    return (
        text is not None
        and any(each.isdigit() for each in text)
        and len(text) <= _CODE_CHARACTERS_MAX
    )


def _is_street(value: object) -> bool:
    return _is_short_text(value) and _LETTER.search(str(value)) is not None and not is_email(value)


def _is_url(value: object) -> bool:
    return isinstance(value, str) and _URL.fullmatch(value.strip()) is not None


def _is_address(value: object) -> bool:
    return isinstance(value, str) and _IP.fullmatch(value.strip()) is not None


def _is_time(value: object) -> bool:
    return not isinstance(value, bool | list) and date_transform(value) is not None


def _is_amount(value: object) -> bool:
    return is_plain_number(value) or (
        isinstance(value, str) and number_transform(value) is not None
    )


def _is_tags(value: object) -> bool:
    return isinstance(value, list) or _is_short_text(value)


_FORMS: Final[dict[str, Callable[[Any], bool]]] = {
    "caller_number": is_phone,
    "tracking_number": is_phone,
    "email": is_email,
    "name": _is_name,
    FIRST_NAME: _is_name,
    LAST_NAME: _is_name,
    "street": _is_street,
    "city": _is_name,
    "state": _is_name,
    "country": _is_name,
    "postal_code": _is_code,
    "notes": _is_text,
    "location": _is_url,
    "referrer": _is_url,
    "visitor_ip": _is_address,
    "unix_time": _is_time,
    "sale.value": _is_amount,
    "business_number": is_phone,
    "duration": is_plain_number,
    "talk_time": is_plain_number,
    "audio": _is_url,
    "transcription_text": _is_text,
    "tag_list": _is_tags,
}
