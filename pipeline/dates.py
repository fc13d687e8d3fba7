"""A time as people and programs write it, made ISO 8601 or seconds since 1970.

Without a format it is read as ISO 8601, as mail headers write it, or as a number of seconds or
milliseconds. What has no offset is in a zone that is given. Formats are strptime's, of directives
that mean the same on every machine.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.activity_fields import UnfitError, text_of
from pipeline.comparisons import decimal_of
from schemas.codec import Fault
from schemas.mapping import ToDate

# The longest notation has a day's and a month's name in full.
_CHARACTERS_MAX: Final = 100
# Years beyond have no calendar day before or after, and no call was made in them.
_YEARS: Final = range(1971, 9999)
# In milliseconds this is 1973, in seconds 5138: larger numbers are milliseconds.
_SECONDS_END: Final = 100_000_000_000

_DIRECTIVES: Final = "YymdHIMSfpzbBaAj%"
_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
# Two blanks in a row would be matched in more than one way.
_BLANKS: Final = re.compile(r"\s+")
_EXAMPLE: Final = datetime(2026, 5, 1, 23, 48, 5, 1, tzinfo=UTC)


def written_date(transform: ToDate, value: object, time_zone: str) -> str | int:
    """The time that a value tells, as the transform wants it; raises `UnfitError`."""
    text = text_of(value).strip()
    if len(text) > _CHARACTERS_MAX:
        raise UnfitError("is no date: it is too long")
    try:
        at = _read(text, transform.format)
        at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(time_zone))
    except (ValueError, OverflowError, OSError):
        raise UnfitError(_wrong(text, transform.format)) from None
    if at.year not in _YEARS:
        raise UnfitError(f"{text!r} is in the year {at.year}")
    return int(at.timestamp()) if transform.to == "unix" else at.isoformat()


def format_faults(written: str) -> tuple[Fault, ...]:
    """What is wrong with a format, before it is kept."""
    for directive in _DIRECTIVE.findall(written):
        if not directive or directive not in _DIRECTIVES:
            message = f"%{directive} is no directive; known are {' '.join(_DIRECTIVES[:-1])}"
            return (Fault("", message),)
    try:
        _parsed(_EXAMPLE.strftime(_BLANKS.sub(" ", written)), written)
    except (ValueError, re.error):
        return (Fault("", "is no format of a date: each directive may stand once"),)
    return ()


def _read(text: str, written: str | None) -> datetime:
    if written is not None:
        return _parsed(text, written)
    number = decimal_of(text)
    if number is not None and abs(number) >= 10**8:
        seconds = number / 1_000 if abs(number) >= _SECONDS_END else number
        return datetime.fromtimestamp(float(seconds), UTC)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def _parsed(text: str, written: str) -> datetime:
    return datetime.strptime(_BLANKS.sub(" ", text), _BLANKS.sub(" ", written))  # noqa: DTZ007 - a zone is put in where none was said


def _wrong(text: str, written: str | None) -> str:
    if written is not None:
        return f"{text!r} is not written like {written}"
    return f"{text!r} is no date in ISO 8601: give its format"
