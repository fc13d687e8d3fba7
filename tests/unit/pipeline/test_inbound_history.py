"""What is kept of a request to a source."""

from pipeline.history import unpacked
from pipeline.inbound_history import inbound_rows
from tests.support.builders import an_inbound


def test_a_request_is_two_rows_and_what_it_held_stands_in_the_second_alone():
    faults = [{"field": "email", "message": "is no address"}]
    record = an_inbound(faults=faults, query="a=\0", headers=[("user-agent", "zap\0")])
    made = inbound_rows(record)
    assert made.inbound["faults"] == '[{"field":"email","message":"is no address"}]'
    assert made.inbound["event_ids"] == '["ev_1","ev_2"]'
    assert (made.inbound["outcome"], made.inbound["cut"]) == ("accepted", False)
    assert not {"query", "headers", "body", "content"} & made.inbound.keys()
    held = unpacked(made.body["content"])
    assert held["headers"] == [["user-agent", "zap\0"]]
    assert (held["query"], held["body"]) == ("a=\0", record.body)
    assert made.body["inbound_id"] == made.inbound["inbound_id"] == record.inbound_id


def test_no_text_that_a_sender_chose_stops_a_database():
    made = inbound_rows(an_inbound(content_type="text/\0"))
    assert made.inbound["content_type"] == "text/\N{REPLACEMENT CHARACTER}"
