"""Reading the history, on SQLite and on PostgreSQL: searches, pages, contents, and being away."""

import pytest

from agents.history.queries import Part
from agents.history.search import (
    ActivitySearch,
    AttemptSearch,
    DeliverySearch,
    Window,
)
from agents.history.tables import EXCHANGES, SNAPSHOTS
from tests.support.builders import ACCOUNT_ID, NOW_MS, an_activity, an_attempt, an_event
from tests.support.histories import came_at_ms, record

FIRST = Part(10)
OTHER = ACCOUNT_ID + 1
SENT = {
    "method": "POST",
    "url": "https://crm.example.com/In?call=7",
    "headers": [["Content-Type", "application/json"]],
    "body": "{}",
    "body_bytes": 2,
}


def attempts_of(count, **fields):
    """Attempts of as many deliveries, each a millisecond after the one before."""
    return [
        an_attempt(
            delivery_id=f"dl_{number}",
            at_ms=NOW_MS + number,
            first_queued_at_ms=NOW_MS + number,
            request=SENT,
            **fields,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({}, "abcd"),
        ({"webhook_id": "mail"}, "d"),
        ({"activity_id": "7"}, "bc"),
        ({"delivery_id": "b", "webhook_id": "crm"}, "b"),
        ({"delivery_id": "b", "activity_id": "8"}, ""),
        ({"activity_id": "7", "webhook_id": "mail"}, ""),
        ({"webhook_id": "crm", "status": 404}, "b"),
        ({"webhook_id": "crm", "status_class": 4}, "bc"),
        ({"status_class": 2}, "ad"),
        ({"outcome": "failed"}, "bc"),
        ({"reason": "http_429"}, "c"),
        ({"phase": "starts"}, "d"),
        ({"source": "Bing"}, "d"),
        ({"source": "Google Ads", "activity_id": "7"}, "bc"),
        ({"source": "bing"}, ""),
        ({"url": "CALL=7"}, "a"),
        ({"url": "%"}, ""),
        ({"is_test": True}, "c"),
        ({"is_test": False}, "abd"),
        ({"window": Window(NOW_MS + 1, NOW_MS + 3)}, "bc"),
        ({"window": Window(None, NOW_MS + 1)}, "a"),
    ],
)
async def test_attempts_are_found_by_all_that_is_asked(history, reader, search, found):
    record(history, *(an_event(activity=an_activity(id=it)) for it in (6, 7)))
    record(history, an_event(activity=an_activity(id=8, source="Bing")), first_offset=2)
    not_found = {"response": {"status": 404}, "outcome": "failed", "reason": "http_404"}
    too_many = {"response": {"status": 429}, "outcome": "failed", "reason": "http_429"}
    record(
        history,
        an_attempt(delivery_id="a", activity_id="6", at_ms=NOW_MS, request=SENT),
        an_attempt(delivery_id="b", activity_id="7", at_ms=NOW_MS + 1, **not_found),
        an_attempt(delivery_id="c", activity_id="7", at_ms=NOW_MS + 2, is_test=True, **too_many),
        an_attempt(
            delivery_id="d", activity_id="8", at_ms=NOW_MS + 3, webhook_id="mail", phase="starts"
        ),
        an_attempt(delivery_id="e", account_id=OTHER, request=SENT),
    )

    page = await reader.attempts(ACCOUNT_ID, AttemptSearch(**search), FIRST)

    assert [row.delivery_id for row in page.rows] == sorted(found, reverse=True)


async def test_pages_have_each_row_once_whatever_comes_meanwhile(history, reader):
    record(history, *attempts_of(5), an_attempt(delivery_id="dl_tie", at_ms=NOW_MS + 2))

    first = await reader.attempts(ACCOUNT_ID, AttemptSearch(), Part(3))
    record(history, an_attempt(delivery_id="dl_new", at_ms=NOW_MS + 9), first_offset=50)
    rest = await reader.attempts(ACCOUNT_ID, AttemptSearch(), Part(3, first.next_place))

    found = [row.delivery_id for row in (*first.rows, *rest.rows)]
    assert found == ["dl_4", "dl_3", "dl_tie", "dl_2", "dl_1", "dl_0"]
    assert rest.next_place is None


async def test_an_attempt_comes_with_what_was_sent_and_answered(history, reader):
    record(history, *attempts_of(1), first_offset=17)

    row = await reader.attempt(ACCOUNT_ID, 0, 17)

    assert row.exchanged.request.url == SENT["url"]
    assert row.exchanged.response.status == 200
    assert await reader.attempt(OTHER, 0, 17) is None
    assert await reader.attempt(ACCOUNT_ID, 0, 18) is None


async def test_an_attempt_outlives_what_was_sent(history, reader):
    record(history, *attempts_of(1))
    with history.writing() as connection:
        connection.execute(EXCHANGES.delete())

    row = await reader.attempt(ACCOUNT_ID, 0, 0)

    assert (row.url, row.exchanged) == (SENT["url"], None)
    assert await reader.sent_request(ACCOUNT_ID, "dl_0") is None


async def test_the_newest_request_of_a_delivery_is_no_tests(history, reader):
    again = {"attempt": 2, "at_ms": NOW_MS + 60_000}
    tried = an_attempt(delivery_id="dl_0", request=SENT | {"body": "second"}, **again)
    tested = an_attempt(delivery_id="dl_0", request=SENT, is_test=True, at_ms=NOW_MS + 90_000)
    skipped = an_attempt(
        delivery_id="dl_0", outcome="skipped", response=None, at_ms=NOW_MS + 99_999
    )
    record(history, *attempts_of(1), tried, tested, skipped)

    assert (await reader.sent_request(ACCOUNT_ID, "dl_0")).body == "second"
    assert await reader.sent_request(OTHER, "dl_0") is None


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({}, "abc"),
        ({"webhook_id": "crm", "status": "delivered"}, "a"),
        ({"status": "failed"}, "b"),
        ({"activity_id": "7", "webhook_id": "crm"}, "b"),
        ({"activity_id": "7", "status": "failed", "event_id": "ev_b"}, "b"),
        ({"phase": "starts"}, "c"),
        ({"reason": "gone"}, "b"),
        ({"is_test": True}, "c"),
        ({"window": Window(NOW_MS + 1, NOW_MS + 2)}, "b"),
    ],
)
async def test_deliveries_are_found_by_how_they_stand(history, reader, search, found):
    record(
        history,
        an_attempt(delivery_id="a", first_queued_at_ms=NOW_MS),
        an_attempt(
            delivery_id="b",
            activity_id="7",
            event_id="ev_b",
            outcome="failed",
            first_queued_at_ms=NOW_MS + 1,
            reason="gone",
        ),
        an_attempt(
            delivery_id="c",
            webhook_id="mail",
            phase="starts",
            is_test=True,
            first_queued_at_ms=NOW_MS + 2,
            next={"step": "retry", "tier": "5s"},
        ),
        an_attempt(delivery_id="d", account_id=OTHER),
    )

    first = await reader.deliveries(ACCOUNT_ID, DeliverySearch(**search), Part(1))
    place = first.next_place
    rest = await reader.deliveries(ACCOUNT_ID, DeliverySearch(**search), Part(9, place))

    rows = first.rows if place is None else (*first.rows, *rest.rows)
    assert [row.delivery_id for row in rows] == sorted(found, reverse=True)


async def test_a_delivery_is_its_own_accounts_alone(history, reader):
    record(history, *attempts_of(1))

    assert (await reader.delivery(ACCOUNT_ID, "dl_0")).status == "delivered"
    assert await reader.delivery(OTHER, "dl_0") is None


async def test_an_activity_is_as_its_latest_snapshot_says(history, reader):
    ended = an_event(sequence=2, activity=an_activity(talk_time=42, unix_time=1_777_679_285))
    late = an_event("starts", sequence=1, activity=an_activity(talk_time=0))
    record(history, ended, late, an_event(activity=an_activity(id="text")))
    activity_id = ended.activity_id

    row = await reader.activity(ACCOUNT_ID, activity_id)

    assert (row.phase, row.content["talk_time"], row.began_at_s) == ("end", 42, 1_777_679_285)
    assert (await reader.latest_activity(ACCOUNT_ID)).activity_id == "text"
    assert await reader.activity(OTHER, activity_id) is None
    assert await reader.latest_activity(OTHER) is None


async def test_events_are_told_the_latest_first_and_can_be_had_whole(history, reader):
    ended, scored = an_event(), an_event("sale")
    record(history, ended, scored)

    told = await reader.events(ACCOUNT_ID, ended.activity_id)

    assert [row.event_id for row in told] == [scored.event_id, ended.event_id]
    assert (await reader.event(ACCOUNT_ID, ended.event_id)).event == ended
    assert await reader.event(OTHER, ended.event_id) is None


async def test_an_event_outlives_its_content(history, reader):
    ended = an_event()
    record(history, ended)
    with history.writing() as connection:
        connection.execute(SNAPSHOTS.delete())

    row = await reader.event(ACCOUNT_ID, ended.event_id)

    assert (row.content, row.event.activity) == (None, {"id": ended.activity_id})


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (ActivitySearch(), ["3", "2", "1"]),
        (ActivitySearch(source="Bing"), ["2"]),
        (ActivitySearch(kind="inbound", phase="sale"), ["3"]),
        (ActivitySearch(window=Window(came_at_ms(1), came_at_ms(2))), ["2"]),
    ],
)
async def test_activities_are_listed_as_they_were_told_of(history, reader, search, found):
    record(
        history,
        an_event(activity=an_activity(id=1)),
        an_event(activity=an_activity(id=2, source="Bing")),
        an_event("sale", activity=an_activity(id=3)),
        an_event(account_id=OTHER, activity=an_activity(id=4)),
    )

    first = await reader.activities(ACCOUNT_ID, search, Part(1))
    rows = list(first.rows)
    while first.next_place is not None:
        first = await reader.activities(ACCOUNT_ID, search, Part(1, first.next_place))
        rows += first.rows

    assert [row.activity_id for row in rows] == found
