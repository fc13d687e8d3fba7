"""YAML files: what scalars mean, where values stand, and what is refused on which line."""

import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.configs.yaml_file import FILE_BYTES_MAX, YamlFault, located, parse_yaml, read_source
from agents.errors import OperationError
from schemas.codec import Fault
from tests.support.values import scalars


def plain(text):
    return parse_yaml(text.encode()).plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("-42", -42),
        ("4379952365000000000000", 4379952365000000000000),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'42'", "42"),
        ('"a\\nb"', "a\nb"),
        ("!!str 42", "42"),
        ("! 42", "42"),
        # what YAML 1.1 would make something else of
        ("on", "on"),
        ("yes", "yes"),
        ("12:30", "12:30"),
        ("007", "007"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("+15551234567", "+15551234567"),
        ("2026-05-01", "2026-05-01"),
        (".5", ".5"),
        (".inf", ".inf"),
        ("True", "True"),
    ],
)
def test_a_scalar_means_what_it_does_in_json_or_is_text(text, value):
    found = plain(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_a_key_is_text_whatever_it_looks_like():
    assert plain("on: 1\n25: 2\nnull: 3\n'': 4") == {"on": 1, "25": 2, "null": 3, "": 4}


def test_an_alias_repeats_what_its_anchor_holds():
    assert plain("a: &x {b: [1, &y 2]}\nc: *x\nd: *y") == {
        "a": {"b": [1, 2]},
        "c": {"b": [1, 2]},
        "d": 2,
    }


def test_an_empty_file_is_null():
    assert plain("") is None
    assert plain("# only a comment\n") is None


# JSON spells characters beyond 16 bits as two escapes, which YAML does not know.
_texts = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=8)
_values = st.recursive(
    scalars.filter(lambda value: not isinstance(value, str)) | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)


@given(value=_values)
def test_json_is_read_as_it_is(value):
    assert plain(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3", 3, "'a' is given twice; the first is on line 1"),
        ("a:\n  b: [1, 2\nc: 3", 3, "not YAML"),
        ("a: 1\n\tb: 2", 2, "not YAML: found a tab"),
        ("a: 1\n---\nb: 1", 2, "more than one document"),
        ("a: *nowhere", 1, r"\*nowhere stands for nothing"),
        ("a: &x [1,\n *x]", 2, r"\*x stands for nothing that is complete"),
        ("a: !!python/object:os.system x", 1, "tags such as"),
        ("a: !!set {x}", 1, "tags such as"),
        ("a: 1\nb: {<<: {c: 1}}", 2, "merge keys"),
        ("? [a]\n: 1", 1, "a key must be text"),
        ("a: &x y\n*x : 1", 2, "a key must be text"),
        ("a: 1e999", 1, "too large"),
        ("a: " + "9" * 5000, 1, "a number is too long"),
        ("[" * 100_000, 1, "nested deeper than 64"),
        ("a: \0", 1, "not YAML: unacceptable character"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else value,
)
def test_what_cannot_be_read_is_refused_with_its_line(text, line, message):
    with pytest.raises(YamlFault, match=message) as caught:
        plain(text)
    assert caught.value.line == line


def test_text_that_is_not_utf_8_is_refused_with_its_line():
    with pytest.raises(YamlFault, match="not UTF-8") as caught:
        parse_yaml(b"a: 1\nb: \xff")
    assert caught.value.line == 2


def test_aliases_of_aliases_cannot_blow_up():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]"
        for a, b in zip("abcdefg", "bcdefgh", strict=True)
    ]
    with pytest.raises(YamlFault, match="with aliases expanded"):
        plain("\n".join(lines))


def test_a_path_leads_to_the_line_of_its_value_or_of_what_is_around_it():
    root = parse_yaml(
        b"accounts:\n"
        b"  - id: 25\n"
        b"    webhooks:\n"
        b"      - id: a\n"
        b"        weburl: nowhere\n"
        b"      - id: b\n"
        b"        filter:\n"
        b"          all:\n"
        b"            - field: x\n"
        b"    triggers: 3\n"
    )
    lines = {
        "": 1,
        "accounts[0].id": 2,
        "accounts[0].name": 2,
        "accounts[0].webhooks[0].url": 5,
        "accounts[0].webhooks[1].position": 6,
        "accounts[0].webhooks[1].url": 6,
        "accounts[0].webhooks[1].filter.any[0].all[0].field": 9,
        "accounts[0].webhooks[7].id": 4,
        "accounts[0].triggers[0].id": 10,
        "nowhere.at[3].all": 1,
    }
    assert {path: root.line_of(path) for path in lines} == lines
    faults = [Fault("accounts[0].triggers", "late"), Fault("accounts[0].id", "early")]
    assert [(line, fault.message) for line, fault in located(faults, root)] == [
        (2, "early"),
        (10, "late"),
    ]


def test_a_source_is_a_file_or_standard_input(tmp_path, monkeypatch):
    file = tmp_path / "c.yaml"
    file.write_bytes(b"a: 1")
    assert read_source(str(file)) == b"a: 1"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"b: 2")))
    assert read_source("-") == b"b: 2"


def test_a_file_that_is_missing_unreadable_or_too_large_is_said_so(tmp_path):
    with pytest.raises(OperationError, match="No such file"):
        read_source(str(tmp_path / "none.yaml"))
    with pytest.raises(OperationError, match="Is a directory"):
        read_source(str(tmp_path))
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(OperationError, match="larger than 8 MiB"):
        read_source(str(large))
