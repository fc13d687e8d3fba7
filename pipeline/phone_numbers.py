"""A telephone number as people write it, in E.164: a plus, the country's code, and digits.

A number counts as one when its length is right for its country. Whether it is in use is not asked:
tables of ranges age, and a caller with a new number must not be turned away.
"""

from __future__ import annotations

import re
from typing import Final

from phonenumbers import (
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumberFormat,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    parse,
    region_code_for_country_code,
)

from schemas.codec import Fault, Malformed

_CALLING_CODE: Final = re.compile(r"\+?0{0,2}([1-9][0-9]{0,2})")
_OF_THE_WORLD: Final = "001"  # freephone and satellites, which are no country's


def e164(number: str, country_code: str | None) -> str:
    """The number in E.164; raises `Malformed` for the field `caller_number` or `country_code`.

    `country_code` is a calling code such as 1 or +44, or a country such as US; a number that begins
    with a plus has no need of it.
    """
    region = None if country_code is None else _region(country_code)
    try:
        parsed = parse(number, region)
    except NumberParseException:
        raise _no_number(region) from None
    if is_possible_number_with_reason(parsed) != ValidationResult.IS_POSSIBLE:
        raise _no_number(region)
    return format_number(parsed, PhoneNumberFormat.E164)


def region_of(country_code: str) -> str | None:
    """The country that a calling code or two letters mean, or None when they mean none."""
    found = _CALLING_CODE.fullmatch(country_code)
    region = region_code_for_country_code(int(found[1])) if found else country_code.upper()
    return region if region in SUPPORTED_REGIONS or region == _OF_THE_WORLD else None


def _region(country_code: str) -> str:
    """The country whose way of writing numbers is meant."""
    region = region_of(country_code)
    if region is None:
        message = "must be a calling code such as 1 or 44, or a country's two letters, such as US"
        raise Malformed((Fault("country_code", message),))
    return region


def _no_number(region: str | None) -> Malformed:
    message = "is no telephone number with its country's code, such as +17205550123"
    if region is None:
        message += "; without that give country_code too"
    elif region != _OF_THE_WORLD:
        message = f"is no telephone number, neither with a country's code nor in {region}"
    return Malformed((Fault("caller_number", message),))
