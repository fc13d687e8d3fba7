"""Paths over any text and any JSON: found or refused, never an exception of another kind."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.paths import compile_path
from schemas.codec import Malformed
from tests.support.values import json_values


@given(text=st.text(max_size=40) | st.text('ab.[]"=\\01', max_size=20), document=json_values)
def test_any_text_is_a_path_that_finds_something_or_nothing_or_is_refused(text, document):
    try:
        path = compile_path(text)
    except Malformed:
        return
    path.find(document)


@given(document=st.dictionaries(st.text(max_size=8), json_values, min_size=1), data=st.data())
def test_every_key_can_be_named_in_quotes(document, data):
    key = data.draw(st.sampled_from(sorted(document)))
    quoted = key.replace("\\", "\\\\").replace('"', '\\"')
    assert compile_path(f'["{quoted}"]').find(document) == document[key]
