"""Requests to sources in the history, on either kind of database."""

from agents.history import inbound as questions
from agents.history.inbound import INBOUND_PLACE, InboundSearch
from agents.history.queries import Part
from agents.history.retention import expiries, remove_expired
from agents.history.search import Window
from agents.history.tables import INBOUND_BODIES
from agents.history.writing import Rows, write
from pipeline.inbound_history import inbound_rows
from schemas.codec import Fault
from tests.support.builders import NOW_MS, an_inbound

DAY_MS = 24 * 60 * 60 * 1_000
ALL = InboundSearch()


def keep(history, *records):
    rows = Rows()
    for record in records:
        rows.add(inbound_rows(record))
    with history.writing() as connection:
        write(connection, rows, {}, {})


def asked(history, question, *of):
    with history.reading() as connection:
        return question(connection, 25, *of)


def ids(history, search=ALL, part=Part(10)):  # noqa: B008 - a value
    found = asked(history, questions.inbound_requests, search, part)
    return [row.inbound_id for row in found.rows]


def rejected(number, **fields):
    given = {"inbound_id": f"in_{number}", "outcome": "rejected", "reason": "invalid"}
    given |= {"activity_id": None}
    return an_inbound(**{**given, "at_ms": NOW_MS + number, "event_ids": [], **fields})


def test_a_request_is_found_again_as_it_was_told_and_twice_is_once(history):
    faults = [{"field": "caller_number", "message": "required, but missing"}]
    record = rejected(1, faults=faults, query="a=\0", headers=[("content-type", "x")], body="eA==")
    keep(history, record, record)
    keep(history, record)
    row = asked(history, questions.inbound_request, "in_1")
    assert (row.source_id, row.reason, row.method) == ("web-form", "invalid", "POST")
    assert row.faults == (Fault("caller_number", "required, but missing"),)
    assert (row.held.query, row.held.body) == ("a=\0", "eA==")
    assert row.held.headers == (("content-type", "x"),)
    assert ids(history) == ["in_1"]
    assert asked(history, questions.inbound_request, "in_2") is None
    with history.reading() as connection:
        assert questions.inbound_request(connection, 26, "in_1") is None


def test_requests_are_searched_by_what_became_of_them_the_last_first(history):
    keep(
        history,
        rejected(1, source_id="other"),
        rejected(2, reason="unverified"),
        an_inbound(inbound_id="in_3", at_ms=NOW_MS + 3, activity_id="form_1"),
    )
    assert ids(history) == ["in_3", "in_2", "in_1"]
    assert ids(history, InboundSearch(source_id="other")) == ["in_1"]
    assert ids(history, InboundSearch(outcome="rejected")) == ["in_2", "in_1"]
    assert ids(history, InboundSearch(reason="unverified")) == ["in_2"]
    assert ids(history, InboundSearch(activity_id="form_1")) == ["in_3"]
    assert ids(history, InboundSearch(window=Window(NOW_MS + 2, NOW_MS + 3))) == ["in_2"]
    first = asked(history, questions.inbound_requests, ALL, Part(2))
    assert len(first.next_place) == len(INBOUND_PLACE)
    assert ids(history, part=Part(2, first.next_place)) == ["in_1"]


def test_open_is_what_was_rejected_for_what_it_says_until_something_came_of_it(history):
    keep(
        history,
        *(rejected(1), rejected(2), rejected(3, reason="unverified")),
        *(rejected(4, reason="too_large", cut=True), rejected(5, remapped_from="in_2")),
        an_inbound(inbound_id="in_6", remapped_from="in_1", at_ms=NOW_MS),
    )
    assert ids(history, InboundSearch(is_open=True)) == ["in_2"]
    found = asked(history, questions.held_requests, InboundSearch(is_open=True), Part(10))
    assert found.rows[0].held is not None


def test_the_latest_sample_is_whole_and_of_that_source(history):
    keep(history, rejected(1), rejected(2, cut=True), rejected(3, source_id="other"))
    assert asked(history, questions.latest_sample, "web-form").inbound_id == "in_1"
    assert asked(history, questions.latest_sample, "nobody") is None


def test_what_a_request_held_goes_before_the_request(history, database_settings):
    ages = {"in_1": 31, "in_2": 8, "in_3": 0}
    for inbound_id, days in ages.items():
        keep(history, an_inbound(inbound_id=inbound_id, at_ms=NOW_MS - days * DAY_MS))
    for table, before_ms in expiries(database_settings, NOW_MS):
        with history.writing() as connection:
            remove_expired(connection, table, before_ms)
    assert ids(history) == ["in_3", "in_2"]
    assert asked(history, questions.inbound_request, "in_2").held is None
    with history.reading() as connection:
        kept = connection.execute(INBOUND_BODIES.select()).mappings().all()
    assert [row["inbound_id"] for row in kept] == ["in_3"]
