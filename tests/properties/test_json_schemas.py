import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.codec import encode
from schemas.generate import DIRECTORY
from schemas.json_schemas import RECORDS
from tests.support.strategies import DOCUMENTS, event_documents, records

NAMES = pytest.mark.parametrize("name", RECORDS)


def validator(name: str) -> Draft202012Validator:
    """A validator that knows nothing but the file that is checked in."""
    return Draft202012Validator(json.loads((DIRECTORY / f"{name}.json").read_text()))


@NAMES
def test_a_schema_is_a_valid_one(name):
    Draft202012Validator.check_schema(validator(name).schema)


@NAMES
@given(st.data())
def test_whatever_is_written_is_valid(name, data):
    record = data.draw(records(RECORDS[name]))

    validator(name).validate(json.loads(encode(record)))


@given(event_documents, st.sampled_from([{}, {"event_id": ""}, {"event_id": None}]))
def test_an_event_as_upstream_may_write_it_is_valid(document, without_id):
    del document["event_id"]

    validator("event").validate({**document, **without_id})


@NAMES
@settings(max_examples=20)
@given(st.data())
def test_a_record_that_lacks_what_it_needs_is_not_valid(name, data):
    document = data.draw(DOCUMENTS[RECORDS[name]])
    needed = data.draw(st.sampled_from(validator(name).schema["required"]))
    del document[needed]

    assert not validator(name).is_valid(document)


def test_fields_stand_in_the_order_of_the_record():
    """A reader of the schema meets the fields as the code declares them."""
    for name, model in RECORDS.items():
        fields = list(model.model_fields)
        properties = list(validator(name).schema["properties"])
        assert all(fields.index(a) < fields.index(b) for a, b in pairwise(properties))
