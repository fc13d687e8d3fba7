"""Bodies as web pages send them."""

import pytest

from pipeline.form_bodies import FORM_FIELDS_MAX, parse_form
from tests.support.faults import faults_of


def test_fields_are_decoded_and_blank_ones_are_there_too():
    body = b"caller_name=Ann+Lee&phone_number=%2B17205550123&custom_fields%5Bk%5D=%C3%A4&email="
    assert parse_form(body) == {
        "caller_name": "Ann Lee",
        "phone_number": "+17205550123",
        "custom_fields[k]": "ä",
        "email": "",
    }
    assert parse_form(b"") == {}


def test_a_field_that_is_given_twice_is_refused_by_name():
    assert faults_of(lambda: parse_form(b"a=1&b=2&a=1&a=3")) == {"a": "is given more than once"}


@pytest.mark.parametrize("body", [b"a=\xff", b"a=%FF"])
def test_what_is_not_utf_8_is_refused(body):
    assert faults_of(lambda: parse_form(body)) == {"": "the form is not UTF-8"}


def test_a_form_with_too_many_fields_is_refused():
    body = b"&".join(b"f%d=" % number for number in range(FORM_FIELDS_MAX + 1))
    assert faults_of(lambda: parse_form(body)) == {"": "a form has at most 1000 fields"}
