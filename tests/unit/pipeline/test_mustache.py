"""Reading templates: what is a fault and where, and what is not one."""

import pytest

from pipeline.mustache import (
    FLAWS_MAX,
    NAME_CHARACTERS_MAX,
    SECTION_DEPTH_MAX,
    TAGS_MAX,
    TEMPLATE_BYTES_MAX,
    parse,
)
from pipeline.mustache_tree import LineStart, Partial, Text, Value, place_of


def flaws_of(template):
    return [(flaw.line, flaw.column, flaw.message) for flaw in parse(template).flaws]


def the_flaw(template):
    (flaw,) = flaws_of(template)
    return flaw


def nested(depth):
    return "{{#a}}" * depth + "x" + "{{/a}}" * depth


def test_a_template_without_tags_is_one_text():
    assert parse("Hello { } }} you").nodes == (Text(0, "Hello { } }} you", starts_line=True),)
    assert parse("").nodes == ()


def test_names_are_cut_into_steps_and_braces_and_ampersand_are_raw():
    assert parse("{{a.b}}{{ . }}{{{c}}}{{& d }}").nodes == (
        LineStart(0),
        Value(0, ("a", "b"), is_raw=False),
        Value(7, (), is_raw=False),
        Value(14, ("c",), is_raw=True),
        Value(21, ("d",), is_raw=True),
    )


def test_a_partial_knows_its_indentation_only_when_its_line_holds_nothing_else():
    alone, inline = (parse(template).partials for template in ("x\n \t{{> p }} \n", "x {{>p}}\n"))
    assert alone == (Partial(4, "p", " \t"),)
    assert inline == (Partial(2, "p", None),)


@pytest.mark.parametrize(
    ("template", "flaw"),
    [
        ("{{}}", (1, 1, "the tag is empty")),
        ("a\n  {{{ }}}", (2, 3, "the tag is empty")),
        ("a\r\nüü{{x", (2, 3, "the tag is never closed: no }} follows")),
        ("{{{x}}", (1, 1, "the tag is never closed: no }}} follows")),
        ("{{! never", (1, 1, "the tag is never closed: no }} follows")),
        ("{{=<% %>}}", (1, 1, "the tag is never closed: no =}} follows")),
        ("{{#a}}\n{{x}}", (1, 1, "{{#a}} is never closed")),
        ("{{/a}}", (1, 1, "{{/a}} closes no section")),
        ("\n{{#a}}\n{{/b}}", (3, 1, "{{/b}} where {{#a}} of line 2 is open")),
        ("{{a b}}", (1, 1, "'a b' is not a name: it has a blank")),
        ("{{a..b}}", (1, 1, "'a..b' is not a name: a step between its dots is empty")),
        ("{{#a.}}", (1, 1, "'a.' is not a name: a step between its dots is empty")),
        ("{{>}}", (1, 1, "the tag is empty")),
        ("{{ #a }}", (1, 1, "'#a' is not a name: # stands directly behind the opening delimiter")),
        ("{{$a}}", (1, 1, "$ is Mustache's inheritance, which is not supported")),
        ("{{<a}}", (1, 1, "< is Mustache's inheritance, which is not supported")),
        ("x\ud83d", (1, 2, "a lone surrogate, which no text may hold")),
    ],
)
def test_every_fault_has_its_line_and_column(template, flaw):
    assert the_flaw(template) == flaw
    assert parse(template).nodes == ()


@pytest.mark.parametrize("content", ["", "|", "a b c", "<= =>", "  "])
def test_delimiters_are_two_without_an_equals_sign(content):
    assert the_flaw("{{=" + content + "=}}")[2].startswith("delimiters are changed as in")


def test_all_faults_are_told_up_to_a_bound():
    assert [flaw[:2] for flaw in flaws_of("{{}}\n{{a b}}\n{{#c}}")] == [(1, 1), (2, 1), (3, 1)]
    assert len(flaws_of("{{}}" * 100)) == FLAWS_MAX
    assert len(flaws_of("{{#a}}" * SECTION_DEPTH_MAX)) == FLAWS_MAX


def test_a_template_may_be_64_kib_and_not_a_byte_more():
    assert flaws_of("x" * TEMPLATE_BYTES_MAX) == []
    assert flaws_of("ü" * (TEMPLATE_BYTES_MAX // 2)) == []
    assert "65537 bytes, more than the 65536" in the_flaw("x" * (TEMPLATE_BYTES_MAX + 1))[2]
    assert "65538 bytes" in the_flaw("ü" * (TEMPLATE_BYTES_MAX // 2 + 1))[2]


def test_a_template_may_have_2000_tags_and_not_one_more():
    assert flaws_of("{{a}}" * TAGS_MAX) == []
    line, column, message = the_flaw("{{a}}\n" * TAGS_MAX + "{{a}}")
    assert (line, column, message) == (TAGS_MAX + 1, 1, "more than 2000 tags")


def test_sections_may_nest_32_deep_and_not_deeper():
    assert flaws_of(nested(SECTION_DEPTH_MAX)) == []
    deeper = the_flaw(nested(SECTION_DEPTH_MAX + 1))
    assert deeper == (1, SECTION_DEPTH_MAX * 6 + 1, "sections nest deeper than 32")


def test_a_name_has_a_bounded_length():
    assert flaws_of("{{" + "n" * NAME_CHARACTERS_MAX + "}}") == []
    assert "not 257" in the_flaw("{{" + "n" * (NAME_CHARACTERS_MAX + 1) + "}}")[2]


def test_a_place_counts_lines_and_characters_from_one():
    assert [place_of("aé\n\nb", at) for at in range(5)] == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)]


def test_a_template_is_read_once():
    assert parse("{{once}}") is parse("{{once}}")
