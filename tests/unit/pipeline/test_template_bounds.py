"""Where rendering stops, and what JSON asks of the places of values."""

import json

import pytest

from pipeline.mustache import SECTION_DEPTH_MAX
from pipeline.templates import (
    OUTPUT_BYTES_MAX,
    PARTIAL_DEPTH_MAX,
    STEPS_FREE,
    RenderError,
    checked,
    render,
    render_body,
)


def text(template, data=None, **partials):
    return render(template, {} if data is None else data, mode="text", partials=partials)


def as_json(template, data):
    return json.loads(render_body(template, data, mode="json"))


def error(template, data=None, mode="text", **partials):
    with pytest.raises(RenderError) as caught:
        render(template, {} if data is None else data, mode=mode, partials=partials)
    return caught.value


# Limits


def test_partials_nest_8_deep_and_not_deeper():
    chain = {f"p{n}": f"{{{{>p{n + 1}}}}}" for n in range(PARTIAL_DEPTH_MAX)}
    last = f"p{PARTIAL_DEPTH_MAX - 1}"
    assert text("{{>p0}}", **{**chain, last: "end"}) == "end"
    endless = error("{{>p}}", p="x\n {{>p}}")
    assert str(endless) == "line 2, column 2: in the snippet 'p': partials nest deeper than 8"


def test_sections_nest_32_deep_also_over_partials():
    inner = SECTION_DEPTH_MAX // 2
    half = "{{#a}}" * inner + "%s" + "{{/a}}" * inner
    assert text(half % "{{>p}}", {"a": 1}, p=half % "x") == "x"
    deeper = error(half % "{{>p}}", {"a": 1}, p=half % "{{#a}}{{/a}}")
    assert deeper.message == "in the snippet 'p': sections nest deeper than 32"
    assert deeper.column == inner * 6 + 1


def test_a_fault_of_a_partial_is_an_error_in_it():
    fault = error("\n\n{{>p}}", p="a\nb {{}}")
    assert (fault.message, fault.line, fault.column) == (
        "in the snippet 'p': the tag is empty",
        2,
        3,
    )


def test_a_fault_of_the_template_is_an_error():
    assert str(error("a\n {{#x}}")) == "line 2, column 2: {{#x}} is never closed"


def test_output_may_be_one_mebibyte_of_bytes_and_not_one_more():
    full = "é" * (OUTPUT_BYTES_MAX // 2)
    assert text("{{x}}", {"x": full}) == full
    assert "larger than 1048576 bytes" in error("\n{{x}}!", {"x": full}).message
    assert error("x\n{{x}}", {"x": full}).line == 2


@pytest.mark.parametrize("mode", ["json", "url", "xml", "html", "text"])
def test_a_value_that_is_too_long_or_becomes_so_is_refused(mode):
    for value in ("&" * (OUTPUT_BYTES_MAX + 1), ["\0é" * OUTPUT_BYTES_MAX]):
        assert "larger than" in error("{{x}}", {"x": value}, mode).message


def test_output_that_multiplies_stops_at_its_bound():
    loop = "{{#l}}" * 6 + "0123456789" + "{{/l}}" * 6
    assert "larger than" in error(loop, {"l": [*range(10)]}).message


def test_indentation_that_multiplies_stops_at_its_bound():
    template = " " * 30_000 + "{{>p}}"
    assert "larger than" in error(template, p="x\n" * 30_000).message


@pytest.mark.parametrize("inside", ["", "{{y}}", "{{#y}}x{{/y}}", "{{>p}}"])
def test_a_loop_that_prints_nothing_ends(inside):
    loop = "{{#l}}" * 8 + inside + "{{/l}}" * 8
    assert "the template loops" in error(loop, {"l": [*range(100)]}, p="").message


def test_a_long_list_may_be_gone_through_when_it_prints():
    items = [*range(40_000)]
    template = "[{{#l}}{{.}}{{^-last}},{{/-last}}{{/l}}]"
    assert as_json(template, {"l": items}) == items
    assert 4 * len(items) > STEPS_FREE


def test_a_value_without_a_text_is_an_error_at_its_tag():
    assert error("a {{x}}", {"x": float("nan")}).column == 3


# JSON


def test_in_json_two_braces_write_into_quotes_and_three_a_whole_value():
    data = {"q": 'a"b\n', "n": 42, "tags": ["x", 'y"'], "o": {"k": None}}
    template = '{"q":"{{q}}","Q":{{{q}}},"n":{{n}},"t":{{{tags}}},"o":{{&o}},"m":{{{missing}}}}'
    assert as_json(template, data) == {
        "q": 'a"b\n',
        "Q": 'a"b\n',
        "n": 42,
        "t": ["x", 'y"'],
        "o": {"k": None},
        "m": None,
    }


def test_a_template_of_a_value_alone_gives_its_fragment():
    assert render("{{x}}", {"x": 'a"b'}, mode="json") == 'a\\"b'
    assert render("{{x}}[{{y}}", {"x": "{", "y": "1"}, mode="json") == "{[1"


def test_a_body_of_a_value_alone_is_that_value_and_not_what_its_text_looks_like():
    assert as_json("{{x}}", {"x": 42}) == 42
    assert as_json("{{{x}}}", {"x": "[1]"}) == "[1]"
    with pytest.raises(RenderError, match="outside quotes"):
        render_body("{{x}}", {"x": "[1]"}, mode="json")


@pytest.mark.parametrize(
    "value", [42, -1.5, True, "12.50", "-0", "1e5", "null", [1, 2], {}, "", None]
)
def test_outside_quotes_two_braces_may_write_one_whole_value(value):
    assert render("[{{x}}]", {"x": value}, mode="json").startswith("[")


@pytest.mark.parametrize("value", ["1,2", "[]", "abc", "1],[2", "01", " ", ["a"], {"a": 1}])
def test_outside_quotes_two_braces_may_not_write_anything_else(value):
    refused = error("[\n {{x}}]", {"x": value}, "json")
    assert (refused.line, refused.column) == (2, 2)
    assert refused.message.startswith("a text outside quotes")


def test_inside_quotes_three_braces_may_not_write_quotes():
    assert render('["{{{x}}}"]', {"x": 42}, mode="json") == '["42"]'
    assert "inside quotes" in error('["{{{x}}}"]', {"x": ","}, "json").message


def test_a_value_may_not_complete_an_escape():
    assert "backslash" in error('["\\{{x}}"]', {"x": '"'}, "json").message
    assert render('["\\{{x}}"]', {"x": ""}, mode="json") == '["\\"]'
    assert render('["\\{{!c}}n\\\\{{x}}"]', {"x": '"'}, mode="json") == '["\\n\\\\\\""]'


@pytest.mark.parametrize(
    ("result", "line", "column"),
    [
        ('{"a":}', 1, 6),
        ('{\n  "ü": ü}', 2, 8),
        ("", 1, 1),
        ("[1,]", 1, 4),
        ('{"a":NaN}', 1, 6),
        ("[1] 2", 1, 5),
        ("\n\n]", 3, 1),
    ],
)
def test_a_result_that_is_not_json_is_an_error_with_its_place_in_the_result(result, line, column):
    with pytest.raises(RenderError) as caught:
        checked(result, "json")
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.message.startswith("the result is not JSON: ")


def test_only_json_is_parsed_after_rendering():
    assert checked("{", "text") == "{"
    assert checked('{"a": [1, 1e400000]}', "url").startswith("{")
    assert checked('{"a": 123456789012345678901234567890}', "json").startswith("{")
