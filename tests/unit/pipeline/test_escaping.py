"""What each mode writes for each kind of value."""

import json

import pytest

from pipeline.escaping import Unwritable, mode_of, written

MODES = ("json", "url", "xml", "html", "text")


def both(value, mode):
    return written(value, mode, is_raw=False), written(value, mode, is_raw=True)


@pytest.mark.parametrize(
    ("content_type", "mode"),
    [
        ("application/json", "json"),
        ("Application/JSON ; charset=utf-8", "json"),
        ("application/vnd.crm.v2+json", "json"),
        ("text/json", "json"),
        ("application/x-ndjson", "json"),
        ("application/x-www-form-urlencoded", "url"),
        ("application/xml", "xml"),
        ("text/xml;charset=utf-8", "xml"),
        ("application/soap+xml", "xml"),
        ("application/xhtml+xml", "xml"),
        ("text/html", "html"),
        ("text/plain", "text"),
        ("text/csv", "text"),
        ("json", "text"),
        ("", "text"),
    ],
)
def test_the_content_type_decides_the_mode(content_type, mode):
    assert mode_of(content_type) == mode


def test_json_writes_the_inside_of_a_string_or_a_whole_value():
    assert both('a"b\\\n\0', "json") == ('a\\"b\\\\\\n\\u0000', '"a\\"b\\\\\\n\\u0000"')
    assert both("\u2028\u2029é\U0001f600", "json")[0] == "\\u2028\\u2029é\U0001f600"
    assert both({"k": ["v"]}, "json") == ('{\\"k\\":[\\"v\\"]}', '{"k":["v"]}')


def test_url_leaves_only_the_unreserved_characters():
    encoded = "a%20b%26c%3D%2B%25%2F%C3%BC%00~-._"
    assert both("a b&c=+%/ü\0~-._", "url") == (encoded, encoded)


def test_xml_writes_entities_and_replaces_what_xml_forbids():
    escaped = "&amp;&lt;&gt;&quot;&#39;&#9;&#10;&#13;é\ufffd\ufffd\ufffd"
    assert both("&<>\"'\t\n\ré\0\x1f\uffff", "xml") == (escaped, escaped)


def test_html_writes_entities_unless_it_is_raw_and_text_never_does():
    assert both("&<>\"'\n", "html") == ("&amp;&lt;&gt;&quot;&#39;\n", "&<>\"'\n")
    assert both("&<>\"'\n", "text") == ("&<>\"'\n", "&<>\"'\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-1.5, "-1.5"),
        (1e22, "1e+22"),
        (2**70, "1180591620717411303424"),
        ("", ""),
        ("Grüße", "Grüße"),
        ([1, {"a": None}], '[1,{"a":null}]'),
        ({}, "{}"),
    ],
)
def test_text_is_nothing_for_null_words_for_booleans_and_compact_json_for_the_rest(value, text):
    assert both(value, "text") == (text, text)
    assert json.loads(written(value, "json", is_raw=True)) == value


@pytest.mark.parametrize("mode", MODES)
def test_half_a_surrogate_pair_is_replaced_so_that_the_text_can_be_encoded(mode):
    for value in ("\ud83d", {"\udc00": "\ud83d"}):
        for text in both(value, mode):
            text.encode()


@pytest.mark.parametrize("mode", MODES)
def test_what_is_not_json_has_no_text(mode):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for value in (deep, object(), float("nan"), float("inf"), 10**5_000, {"a": {1, 2}}):
        with pytest.raises(Unwritable):
            written(value, mode, is_raw=True)
