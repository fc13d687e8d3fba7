import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.codec import Malformed, decode, encode, parse_json, validate
from schemas.config import CONFIG_KINDS, key_of, read_config, read_key
from schemas.event import Event, event_from, read_event
from schemas.filter import Filter
from schemas.phases import canonical_phase
from tests.support.strategies import DOCUMENTS, event_documents, records
from tests.support.values import json_values, phase_spellings

MODELS = pytest.mark.parametrize("model", DOCUMENTS, ids=lambda model: model.__name__)


@MODELS
@given(st.data())
def test_a_record_comes_back_equal_from_its_encoding(model, data):
    record = data.draw(records(model))

    assert decode(model, encode(record)) == record


@MODELS
@given(st.data())
def test_what_is_read_is_written_again_byte_for_byte(model, data):
    written = encode(data.draw(records(model)))

    assert encode(decode(model, written)) == written


@given(event_documents)
def test_an_activity_passes_through_with_every_field_and_type(document):
    event = event_from(document)

    assert json.loads(encode(event))["activity"] == document["activity"]
    assert typed(read_event(encode(event)).activity) == typed(document["activity"])


def typed(value):
    """A value in which `1`, `1.0` and `True` are different things."""
    if isinstance(value, dict):
        return {name: typed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return (type(value), value)


@MODELS
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
@example(b"")
@example(b"\xff\xfe")
@example(b'{"id":')
@example(b"[" * 100_000)
@example(b"9" * 5_000)
@example(b'"\\ud800"')
def test_any_other_input_is_malformed_and_nothing_worse(model, data):
    reads = [lambda: decode(model, data), lambda: parse_json(data)]
    if model is Event:
        reads.append(lambda: read_event(data))
    for read in reads:
        with suppress(Malformed):
            read()


@MODELS
@given(st.data())
def test_a_record_with_one_field_replaced_by_anything_is_read_or_malformed(model, data):
    document = data.draw(DOCUMENTS[model])
    field = data.draw(st.sampled_from(sorted(model.model_fields)))
    document[field] = data.draw(json_values)
    reads = [lambda: validate(model, document)]
    if model is Event:
        reads.append(lambda: event_from(document))

    for read in reads:
        with suppress(Malformed):
            read()


@given(event_documents)
def test_events_without_an_id_get_the_same_one_each_time(document):
    del document["event_id"]

    assert event_from(document) == event_from(json.loads(json.dumps(document)))


@given(event_documents)
def test_a_call_may_be_wrapped_whatever_is_in_it(document):
    wrapped = dict(document)
    activity = wrapped.pop("activity")

    assert event_from({**wrapped, "call": activity}) == event_from(document)


@given(phase_spellings, st.data())
def test_case_blanks_hyphens_and_underscores_do_not_matter_to_a_phase(spelling, data):
    noise = [data.draw(st.sampled_from(["", " ", "-", "_"])) for _ in spelling]
    loud = data.draw(st.sampled_from([str.lower, str.upper, str.title]))

    varied = loud("".join(a + b for a, b in zip(spelling, noise, strict=True)))

    assert canonical_phase(varied) == canonical_phase(spelling) is not None


@given(st.text())
def test_no_text_makes_the_phases_fail(text):
    canonical_phase(text)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_a_key_is_read_back_as_it_was_written_or_malformed(key):
    try:
        found = read_key(key)
    except Malformed:
        return
    assert str(found).encode() == key


@pytest.mark.parametrize("kind", CONFIG_KINDS)
@given(st.data())
def test_every_config_is_kept_under_a_key_that_leads_back_to_it(kind, data):
    config = data.draw(records(CONFIG_KINDS[kind]))

    assert read_config(str(key_of(config)).encode(), encode(config)) == config


@given(records(Filter))
def test_a_filter_is_written_as_a_list_of_groups_however_it_was_given(rules):
    assert list(json.loads(encode(rules))) == ["any"]
