"""Rendering: what names find, what sections do, and where lines end."""

import json

import pytest

from pipeline.templates import check, render, render_body


def text(template, data=None, **partials):
    return render(template, {} if data is None else data, mode="text", partials=partials)


# Names


def test_a_name_finds_keys_and_positions_of_lists_and_nothing_else():
    data = {"name": "Ann", "items": [{"name": "a"}, ["x", "y"]], "n": 42, "0": "zero"}
    assert text("{{items.0.name}} {{items.1.1}} {{0}}", data) == "a y zero"
    assert text("[{{items.2}}{{items.-1}}{{items.00}}{{items.\u0660}}{{items.name}}]", data) == "[]"
    assert (
        text("[{{name.upper}}{{name.__class__}}{{n.real}}{{name.0}}{{items.append}}]", data) == "[]"
    )
    assert text("[{{missing}}{{missing.deeper}}{{name.missing}}]", data) == "[]"


def test_attributes_of_a_value_cannot_be_reached():
    class Secret:
        key = "secret"

    assert text("[{{secret.key}}{{secret.__class__.__name__}}]", {"secret": Secret()}) == "[]"


def test_the_first_step_is_looked_for_outwards_and_the_rest_only_inside():
    data = {"a": {"b": 1}, "s": {"a": {"c": 2}}}
    assert text("{{#s}}{{a.c}}|{{a.b}}|{{s.a.c}}{{/s}}", data) == "2||2"


def test_a_null_hides_what_is_further_out():
    assert text("{{#s}}[{{x}}]{{/s}}", {"x": 1, "s": {"x": None}}) == "[]"


def test_a_dot_is_the_context_itself_and_a_digit_a_position_in_it():
    assert text("{{.}}", "word") == "word"
    assert text("{{#pairs}}{{0}}={{1}};{{/pairs}}", {"pairs": [["a", 1], ["b", 2]]}) == "a=1;b=2;"
    assert text("{{#rows}}{{#.}}{{.}}{{/.}}|{{/rows}}", {"rows": [[1, 2], [3]]}) == "12|3|"


def test_values_are_printed_as_json_would_show_them():
    data = {"yes": True, "no": False, "nil": None, "big": 2**70, "f": 1.5, "l": [1, "a"], "o": {}}
    shown = text("{{yes}} {{no}} [{{nil}}] {{big}} {{f}} {{l}} {{o}}", data)
    assert shown == 'true false [] 1180591620717411303424 1.5 [1,"a"] {}'


def test_a_value_is_never_read_as_a_template():
    assert text("{{a}}", {"a": "{{b}}", "b": "no"}) == "{{b}}"


# Sections


@pytest.mark.parametrize("value", [None, False, "", []])
def test_null_false_and_what_is_empty_text_or_list_are_false(value):
    assert text("{{#x}}yes{{/x}}{{^x}}no{{/x}}", {"x": value}) == "no"


@pytest.mark.parametrize("value", [True, 0, 0.0, {}, "0", " ", [None], {"a": 1}])
def test_zero_and_an_empty_object_are_true(value):
    assert text("{{#x}}yes{{/x}}{{^x}}no{{/x}}", {"x": value}) == "yes"


def test_a_missing_name_is_false():
    assert text("{{#x}}yes{{/x}}{{^x.y}}no{{/x.y}}") == "no"


def test_a_section_shows_every_item_of_a_list_also_those_that_are_false():
    assert text("{{#l}}<{{.}}>{{/l}}", {"l": [0, 1, "", None, False, [], {}]}) == (
        "<0><1><><><false><[]><{}>"
    )


def test_a_value_that_is_true_becomes_the_context():
    assert text("{{#a}}{{b}}{{.}}{{/a}}", {"a": {"b": 1}}) == '1{"b":1}'
    assert text("{{#a}}{{.}}{{/a}}", {"a": "word"}) == "word"


def test_positions_are_those_of_the_innermost_list():
    data = {"l": [{"m": ["a", "b"]}, {"m": ["c"]}]}
    template = "{{#l}}{{-index}}{{#m}}({{-index}}{{-first}}{{-last}}){{/m}}{{-last}} {{/l}}"
    assert text(template, data) == "0(0truefalse)(1falsetrue)false 1(0truetrue)true "


def test_commas_can_be_placed():
    template = '[{{#l}}"{{.}}"{{^-last}},{{/-last}}{{/l}}]'
    for items in ([], ["a"], ["a", 'b"', "c,"]):
        assert json.loads(render_body(template, {"l": items}, mode="json")) == items


def test_a_section_on_a_position_keeps_the_context_and_the_first_index_is_true():
    assert text("{{#l}}{{#-first}}{{.}}{{/-first}}{{/l}}", {"l": ["a", "b"]}) == "a"
    assert text("{{#l}}{{#-index}}{{.}}{{/-index}}{{/l}}", {"l": ["a", "b"]}) == "ab"


def test_outside_lists_positions_are_ordinary_names():
    assert text("[{{-first}}]") == "[]"
    assert text("[{{-first}}]", {"-first": "mine"}) == "[mine]"
    assert text("{{#l}}[{{-first.x}}]{{/l}}", {"l": [1]}) == "[]"


# Lines, comments, delimiters


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("tag", ["{{#t}}", "{{/t}}", "{{! note }}", "{{=<< >>=}}", "{{>none}}"])
def test_a_tag_alone_on_its_line_leaves_no_trace(tag, end):
    begin = "{{#t}}" if tag == "{{/t}}" else ""
    finish = {"{{#t}}": "{{/t}}"}.get(tag, "")
    assert text(f"{begin}a{end} \t{tag} \t{end}b{finish}", {"t": 1}) == f"a{end}b"


@pytest.mark.parametrize("tag", ["{{x}}", "{{{x}}}", "{{&x}}"])
def test_a_value_alone_on_its_line_keeps_it(tag):
    assert text(f"a\n  {tag}\nb", {"x": 1}) == "a\n  1\nb"


def test_a_tag_with_something_beside_it_keeps_its_line():
    assert text(" {{#t}} {{/t}} \n", {"t": 1}) == "   \n"
    assert text("a {{! note }}\nb\n{{! note }} c", {}) == "a \nb\n c"


def test_a_tag_alone_on_the_first_or_the_last_line_leaves_no_trace():
    assert text("  {{#t}}\nx{{/t}}\n  {{! end }}", {"t": 1}) == "x\n"


def test_a_comment_may_span_lines():
    assert text("a\n{{! one\n two }}\nb") == "a\nb"


def test_delimiters_change_for_the_rest_of_the_template_only():
    assert text("{{=<% %>=}}<%x%>{{x}}<%={{ }}=%>{{x}}", {"x": 1}) == "1{{x}}1"
    assert text("{{=| |=}}|x||{x}||&x|", {"x": 1}) == "111"
    assert text("{{=<% %>=}}<%>p%><%x%>", {"x": 1}, p="{{x}}<%x%>") == "1<%x%>1"
    assert text("{{>p}}{{x}}", {"x": 1}, p="{{=<% %>=}}") == "1"


# Partials


def test_a_partial_sees_the_context_and_the_positions_of_its_place():
    assert text("{{#l}}{{>p}}{{/l}}", {"l": [1, 2]}, p="{{.}}{{^-last}},{{/-last}}") == "1,2"


def test_an_unknown_partial_prints_nothing():
    assert text("[{{>nobody}}]") == "[]"


def test_a_partial_with_a_line_of_its_own_is_indented_where_its_template_begins_lines():
    partial = "{{#l}}\n- {{.}}\n{{/l}}\n{{x}}\n\nend\r\n\r\n{{!c}}."
    shown = text("x:\n  {{>p}}\ny", {"l": ["a\nb", "c"], "x": "1\n2"}, p=partial)
    assert shown == "x:\n  - a\nb\n  - c\n  1\n2\n\n  end\r\n\r\n  .y"


def test_indentation_adds_up_and_ends_with_an_inline_partial():
    assert text(" {{>p}}\n", p=" {{>q}}\nb\n", q="q\n{{>r}}!\n", r="1\n2") == "  q\n  1\n2!\n b\n"
    assert text("  {{>p}}\n", p="\n\na") == "\n\n  a"


def test_a_partial_may_include_itself_as_long_as_the_data_ends():
    data = {"n": 1, "next": [{"n": 2, "next": [{"n": 3, "next": []}]}]}
    assert text("{{>node}}", data, node="{{n}}{{#next}}>{{>node}}{{/next}}") == "1>2>3"


# Saving


def test_a_good_template_has_no_faults():
    assert check("{{#a}}{{b}}{{/a}}{{>p}}") == ()


def test_faults_of_a_template_are_told_with_their_places():
    assert [str(fault) for fault in check("{{}}\n{{#a}}")] == [
        "line 1, column 1: the tag is empty",
        "line 2, column 1: {{#a}} is never closed",
    ]
