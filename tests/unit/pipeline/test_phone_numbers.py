"""Telephone numbers as people write them."""

import pytest

from pipeline.phone_numbers import e164
from tests.support.faults import faults_of


@pytest.mark.parametrize(
    ("number", "country_code", "expected"),
    [
        ("+17205550123", None, "+17205550123"),
        ("+44 (0)20 7946 0958", "1", "+442079460958"),
        ("(720) 555-0123", "1", "+17205550123"),
        ("1 720.555.0123 ext. 7", "+1", "+17205550123"),
        ("020 7946 0958", "0044", "+442079460958"),
        ("030 123456", "de", "+4930123456"),
        ("02 1234 5678", "IT", "+390212345678"),
        ("+800 1234 5678", "800", "+80012345678"),
    ],
)
def test_a_number_is_read_with_its_own_code_or_as_its_country_writes_it(
    number, country_code, expected
):
    assert e164(number, country_code) == expected


@pytest.mark.parametrize(
    "number", ["7205550123", "17205550123", "call me", "+", "", "+1720", "9" * 300]
)
def test_without_a_country_a_number_begins_with_a_plus_and_is_as_long_as_it_must(number):
    (message,) = (faults := faults_of(e164, number, None)).values()
    assert faults.keys() == {"caller_number"}
    assert message.endswith("such as +17205550123; without that give country_code too")


@pytest.mark.parametrize("number", ["5550123", "12345", "1" * 16, "unknown"])
def test_a_number_that_is_none_in_its_country_is_refused(number):
    assert faults_of(e164, number, "1") == {
        "caller_number": "is no telephone number, neither with a country's code nor in US"
    }


def test_a_number_of_no_country_needs_its_plus():
    assert faults_of(e164, "12345678", "800") == {
        "caller_number": "is no telephone number with its country's code, such as +17205550123"
    }


@pytest.mark.parametrize("country_code", ["999", "UK", "ZZ", "0", "+", "1-", "1234", "٤٤"])
def test_an_unknown_country_is_refused_by_name(country_code):
    faults = faults_of(e164, "+17205550123", country_code)
    assert list(faults) == ["country_code"]
