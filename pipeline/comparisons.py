"""What it means that a field's value equals, contains or exceeds the value of a rule.

Numbers compare as numbers, also when one of the two is written as text (`"85.00"` is 85). Text
compares without regard to case. `true`, `on` and `yes` are one. Telephone numbers compare by their
digits. What cannot be compared is simply not equal, not greater and not less: nothing raises.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from pipeline.paths import as_text

# A test of one value that is there and is not a list.
Test: TypeAlias = Callable[[Any], bool]

# What a value may be recognised by, among many that are wanted.
Likeness: TypeAlias = bool | Decimal | str

# Plain decimal notation of bounded length; an exponent or a word such as `nan` stays text.
_NUMBER: Final = re.compile(r"\s*[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})\s*")
_WORDS: Final = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
# Bounded, and without two repetitions that could share characters: a hostile value costs no time.
_PHONE: Final = re.compile(r"[\s()./+0-9-]{1,64}")
_NATIONAL_DIGITS: Final = 10


def decimal_of(value: object) -> Decimal | None:
    """A number, or a text that is one, exactly as written: 0.1 is one tenth."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value.strip())
    return None


def equals(wanted: object, *, is_phone: bool) -> Test:
    """Whether a value is the same as `wanted`; `is_phone` when the field is a telephone number."""
    word = _word(wanted)
    number = decimal_of(wanted)
    is_number = _is_number(wanted)
    text = _folded(wanted)
    phones = _phones(wanted) if is_phone else frozenset()

    def test(value: object) -> bool:
        if isinstance(value, bool) or isinstance(wanted, bool):
            return word is not None and _word(value) is word
        if number is not None and (is_number or _is_number(value)) and decimal_of(value) == number:
            return True
        folded = _folded(value)
        if folded is not None and folded == text:
            return True
        return bool(phones) and not phones.isdisjoint(_phones(value))

    return test


def likenesses(value: object, *, is_phone: bool) -> tuple[Likeness, ...]:
    """What `value` may be recognised by: two values that are equal have one in common.

    The reverse does not hold: text and telephone numbers, say, are not told apart here.
    """
    found = (_word(value), decimal_of(value), _folded(value))
    phones = sorted(_phones(value)) if is_phone else ()
    return (*(each for each in found if each is not None), *phones)


def one_of(wanted: tuple[Any, ...], *, is_phone: bool) -> Test:
    """Whether a value equals any of `wanted`."""
    tests = [equals(each, is_phone=is_phone) for each in wanted]
    return lambda value: any(test(value) for test in tests)


def ordered(op: str, wanted: object) -> Test:
    """Whether a value is `gt`, `gte`, `lt` or `lte` than `wanted`: two numbers, or two texts."""
    compare = _ORDERS[op]
    number = decimal_of(wanted)
    text = wanted.casefold() if isinstance(wanted, str) and number is None else None

    def test(value: object) -> bool:
        if number is not None:
            actual = decimal_of(value)
            return actual is not None and compare(actual, number)
        return text is not None and isinstance(value, str) and compare(value.casefold(), text)

    return test


def within(op: str, wanted: object, *, is_phone: bool) -> Test:
    """Whether a value's text `contains`, `starts_with` or `ends_with` that of `wanted`."""
    part = _folded(wanted)
    found = _PART_TESTS[op]
    digits = _phone_digits(wanted) if is_phone else None

    def test(value: object) -> bool:
        text = _folded(value)
        if text is None or part is None:
            return False
        if found(text, part):
            return True
        return digits is not None and any(found(each, digits) for each in _phones(value))

    return test


_PART_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "contains": operator.contains,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _folded(value: object) -> str | None:
    text = as_text(value)
    return None if text is None else text.casefold()


def _word(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return _WORDS.get(value.casefold()) if isinstance(value, str) else None


def _phones(value: object) -> frozenset[str]:
    """A telephone number's digits, with and without North America's country code where it fits."""
    digits = _phone_digits(value)
    if digits is None:
        return frozenset()
    if len(digits) == _NATIONAL_DIGITS and "+" not in str(value):
        return frozenset({digits, f"1{digits}"})
    if len(digits) == _NATIONAL_DIGITS + 1 and digits.startswith("1"):
        return frozenset({digits, digits[1:]})
    return frozenset({digits})


def _phone_digits(value: object) -> str | None:
    """The digits of a whole or partial telephone number; None when it is not written like one."""
    text = as_text(value)
    if text is None or not _PHONE.fullmatch(text):
        return None
    return re.sub(r"[^0-9]", "", text) or None
