"""No value can change the structure of what a template makes; each is read back by other parsers.

Hostile values are written into a JSON, form, URL or XML template, and a parser that is not ours
finds the template's structure with exactly those values in its places.
"""

import json
import re
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.mustache import parse
from pipeline.templates import RenderError, render, render_body
from tests.support.values import json_values, scalars

FRAGMENTS = [
    *"\"\\'`<>&{}[]:,;=+%#?/ \t\r\n\0\x1f\x7f\ufffe\ufeff",
    "\u2028",
    "\u2029",
    "\u202e",
    "\u200f",
    "\U0001f600",
    "\ud83d",
    "{{x}}",
    "{{{x}}}",
    "]]>",
    "-->",
    "</a>",
    "&amp;",
    "<!ENTITY e 'x'>",
    '","admin":true,"x":"',
    "%22",
    "\\u0022",
    "null",
    "-1.5e9",
]
hostile_texts = st.lists(st.sampled_from(FRAGMENTS) | st.characters(), max_size=8).map("".join)
hostile = hostile_texts | scalars | json_values
MEBIBYTE = "\"\\\n\u2028\0é\U0001f600<&'" * 40_000
LARGE = 2**53 + 1


def replaced(text):
    """A text as it can be sent: half a surrogate pair is no character."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def sendable(value):
    """The same for all the texts of a value."""
    if isinstance(value, str):
        return replaced(value)
    if isinstance(value, list):
        return [sendable(item) for item in value]
    if isinstance(value, dict):
        return {replaced(key): sendable(item) for key, item in value.items()}
    return value


def shown(value):
    """What a value is as text: the documented rules, once more."""
    if value is None:
        return ""
    if isinstance(value, str):
        return replaced(value)
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return replaced(compact)


def as_xml(text):
    """The text as XML can carry it."""
    return re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def deep(levels):
    value = ["end"]
    for _ in range(levels):
        value = {"in": [value]}
    return value


@given(text=hostile, whole=hostile, items=st.lists(hostile, max_size=4))
@example(text='"}', whole=LARGE, items=[])
@example(text=deep(30), whole=deep(30), items=["\u2028", "", None])
def test_json_keeps_its_structure_whatever_the_values(text, whole, items):
    template = """{"text": "<{{text}}>", "whole": {{{whole}}}, "also": [{{&whole}}, 1],
        "items": [{{#items}}"{{.}}"{{^-last}}, {{/-last}}{{/items}}],
        "at": [{{#items}}[{{-index}}, {{{.}}}]{{^-last}}, {{/-last}}{{/items}}]}"""
    data = {"text": text, "whole": whole, "items": items}
    result = render_body(template, data, mode="json")
    assert json.loads(result) == {
        "text": f"<{shown(text)}>",
        "whole": sendable(whole),
        "also": [sendable(whole), 1],
        "items": [shown(item) for item in items],
        "at": [[index, sendable(item)] for index, item in enumerate(items)],
    }
    assert not set("\u2028\u2029") & set(result)


@given(value=hostile, template=st.sampled_from(['["a", {{x}}, 2]', '["{{{x}}}"]', '["\\{{x}}"]']))
@example(value="1,2", template='["a", {{x}}, 2]')
@example(value=",", template='["{{{x}}}"]')
def test_a_careless_json_template_gives_an_error_but_no_other_structure(value, template):
    try:
        result = json.loads(render_body(template, {"x": value}, mode="json"))
    except RenderError:
        return
    assert len(result) == len(json.loads(re.sub(r"\\?{{.*}}", "0", template)))


@given(name=hostile, value=hostile)
@example(name="&=+% ", value=MEBIBYTE[:10_000])
def test_a_form_keeps_its_fields_whatever_the_values(name, value):
    template = "a={{v}}&{{n}}={{{v}}}&last=1"
    result = render_body(template, {"n": name, "v": value}, mode="url")
    assert parse_qsl(result, keep_blank_values=True, strict_parsing=True) == [
        ("a", shown(value)),
        (shown(name), shown(value)),
        ("last", "1"),
    ]
    assert result.isascii()


@given(value=hostile)
def test_a_url_keeps_its_parts_whatever_the_values(value):
    template = "https://crm.example.com/a/{{v}}/b?q={{v}}#{{v}}"
    parts = urlsplit(render(template, {"v": value}, mode="url"))
    assert (parts.scheme, parts.netloc) == ("https", "crm.example.com")
    assert [unquote(part) for part in parts.path.split("/")] == ["", "a", shown(value), "b"]
    assert (unquote(parts.query), unquote(parts.fragment)) == (f"q={shown(value)}", shown(value))


@given(value=hostile, items=st.lists(hostile, max_size=3))
@example(value="]]></a><b/>", items=["\t\r\n"])
def test_xml_keeps_its_elements_and_attributes_whatever_the_values(value, items):
    template = "<a one=\"{{v}}\" two='{{{v}}}'>{{v}}<b/>{{{v}}}{{#items}}<i>{{.}}</i>{{/items}}</a>"
    result = render_body(template, {"v": value, "items": items}, mode="xml")
    root = ET.fromstring(result.encode())  # noqa: S314 - we wrote it
    expected = as_xml(shown(value))
    assert root.attrib == {"one": expected, "two": expected}
    assert [child.tag for child in root] == ["b", *("i" for _ in items)]
    assert (root.text or "", root[0].tail or "") == (expected, expected)
    assert [child.text or "" for child in root[1:]] == [as_xml(shown(item)) for item in items]


@given(value=hostile)
def test_html_has_no_markup_of_a_value(value):
    result = render("<p title='{{v}}'>{{v}}</p>", {"v": value}, mode="html")
    assert result.count("<") == 2
    assert result.count("'") == 2


@pytest.mark.parametrize(
    ("mode", "template", "parsed"),
    [
        ("json", '["{{v}}"]', lambda body: json.loads(body)[0]),
        ("json", "[{{{v}}}]", lambda body: json.loads(body)[0]),
        ("url", "v={{v}}", lambda body: parse_qsl(body)[0][1]),
        ("xml", "<a>{{v}}</a>", lambda body: ET.fromstring(body).text),  # noqa: S314
        ("text", "{{v}}", lambda body: body),
    ],
)
def test_values_as_long_as_the_output_may_be_arrive_whole_or_are_refused(mode, template, parsed):
    fits = MEBIBYTE[:100_000].replace("\0", "0")
    assert parsed(render_body(template, {"v": fits}, mode=mode)) == fits
    with pytest.raises(RenderError, match="larger than"):
        render_body(template, {"v": MEBIBYTE * 3}, mode=mode)


@given(
    template=st.lists(
        st.sampled_from(["{{", "}}", "{{{", "}}}", "=", "#", "/", "^", ">", "!", "&", " ", "\r\n"])
        | st.sampled_from(["a", ".", "\n", "{{#a}}", "{{/a}}", "{{=| |=}}", "{{>a}}", '"', "\\"])
        | st.characters(),
        max_size=20,
    ).map("".join),
    mode=st.sampled_from(["json", "url", "xml", "html", "text"]),
    data=st.dictionaries(st.just("a"), hostile),
)
def test_whatever_is_written_renders_or_is_an_error_with_a_place_in_it(template, mode, data):
    lines = template.split("\n")
    places = [(flaw.line, flaw.column) for flaw in parse(template).flaws]
    try:
        render(template, data, mode=mode, partials={"a": template}).encode()
    except RenderError as error:
        places.append((error.line, error.column))
    assert all(1 <= column <= len(lines[line - 1]) + 1 for line, column in places)


@given(st.text(st.characters(exclude_characters="{", exclude_categories=["Cs"])), json_values)
def test_a_template_without_tags_is_printed_as_it_is(template, data):
    assert render(template, data, mode="json") == template
