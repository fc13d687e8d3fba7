"""Paths: what they find, what they cannot do, and which texts are none."""

import pytest

from pipeline.paths import PATH_CHARACTERS_MAX, as_text, compile_path
from schemas.codec import Malformed

DOCUMENT = {
    "id": 7,
    "agent": {"name": "Sam", "tags": ["a", "b"]},
    "odd key": {'quo"te': 1, "a.b": 2, "back\\slash": 3},
    "form": {"custom": [{"id": "x", "value": 1}, {"id": "account", "value": "A-17"}, "text"]},
    "legs": [{"n": 1, "ok": True}, {"n": 2, "ok": False}],
    "none": None,
    "ga": {"utm-source": "g", "$x": 1},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("id", 7),
        ("agent.name", "Sam"),
        ("agent.tags[1]", "b"),
        ("agent.tags[2]", None),
        ('["odd key"]["a.b"]', 2),
        (r'["odd key"]["quo\"te"]', 1),
        (r'["odd key"]["back\\slash"]', 3),
        ('agent["name"]', "Sam"),
        ("form.custom[id=account].value", "A-17"),
        ('form.custom[id="account"].value', "A-17"),
        ("form.custom[id=nobody].value", None),
        ("legs[n=2].ok", False),
        ("legs[ok=true].n", 1),
        ("ga.utm-source", "g"),
        ("ga.$x", 1),
        ("none", None),
        ("none.more", None),
        ("id.more", None),
        ("agent[0]", None),
        ("agent[name=Sam]", None),
        ("legs.n", None),
        ("agent.__class__", None),
        ("missing", None),
    ],
)
def test_a_path_finds_what_stands_there_and_nothing_else(path, found):
    assert compile_path(path).find(DOCUMENT) == found


@pytest.mark.parametrize("document", [None, 3, "text", [], True])
def test_a_path_finds_nothing_in_what_is_no_object(document):
    assert compile_path("id").find(document) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".a",
        "a.",
        "a..b",
        "a b",
        "a[",
        "a[-1]",
        "a[1.5]",
        "a[]",
        'a["x]',
        "a[*]",
        "a[?x]",
        "[a]x",
        "a[0]b",
        "a(b)",
        "a[1234567]",
    ],
)
def test_what_the_grammar_does_not_know_is_refused(text):
    with pytest.raises(Malformed, match="path"):
        compile_path(text)


def test_length_and_steps_are_bounded():
    assert compile_path("a" * PATH_CHARACTERS_MAX).find({}) is None
    with pytest.raises(Malformed, match="256 characters"):
        compile_path("a" * (PATH_CHARACTERS_MAX + 1))
    assert len(compile_path(".".join("a" * 16)).steps) == 16
    with pytest.raises(Malformed, match="16 steps"):
        compile_path(".".join("a" * 17))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (True, "true"),
        (False, "false"),
        (4379952365, "4379952365"),
        (1.5, "1.5"),
        pytest.param(10**5000, None, id="5,001 digits"),
        (None, None),
        ([1], None),
        ({}, None),
    ],
)
def test_only_scalars_of_bounded_length_have_a_text(value, text):
    assert as_text(value) == text
