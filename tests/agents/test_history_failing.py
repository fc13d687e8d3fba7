"""What the history tells of a failing webhook, on SQLite and on PostgreSQL."""

from __future__ import annotations

from agents.history.queries import Part
from agents.history.search import AttemptSearch, DeliverySearch
from agents.history.writing import Rows, write
from pipeline.auto_disabling import Failing
from tests.support.builders import ACCOUNT_ID, NOW_MS, an_attempt, an_event
from tests.support.histories import record

FAILED = {"outcome": "failed", "reason": "5xx", "response": {"status": 500}}
RETRIED = {"next": {"step": "retry", "tier": "5s", "due_at_ms": NOW_MS}}
MAIL = {"channel": "email", "trigger_id": "tell-it", "response": {"status": 250}}
CRM = (ACCOUNT_ID, "crm")


def at(ms: int, **fields):
    return an_attempt(delivery_id=f"dl_{ms}", at_ms=NOW_MS + ms, **fields)


async def test_a_webhook_fails_from_its_first_to_its_last_failure_after_a_delivery(history, reader):
    record(history, at(1, **FAILED), at(2), at(3, **FAILED), at(4, **FAILED), at(9, **FAILED))

    assert await reader.failing(*CRM, 0) == Failing(NOW_MS + 3, NOW_MS + 9)
    assert await reader.failing(*CRM, NOW_MS + 4) == Failing(NOW_MS + 4, NOW_MS + 9)
    assert await reader.failing(*CRM, NOW_MS + 10) is None
    assert await reader.failing(ACCOUNT_ID, "erp", 0) is None
    assert await reader.failing(ACCOUNT_ID + 1, "crm", 0) is None


async def test_mails_tests_and_faults_of_ours_are_no_deliveries_and_no_failures(history, reader):
    record(
        history,
        at(1, **FAILED),
        at(2, **MAIL),
        at(3, is_test=True),
        at(4, outcome="failed", reason="internal", response=None),
        at(5, outcome="skipped", reason="disabled", response=None),
        at(6, **{**FAILED, **MAIL}),
        at(7, **FAILED, is_test=True),
    )

    assert await reader.failing(*CRM, 0) == Failing(NOW_MS + 1, NOW_MS + 1)


async def test_what_has_not_ended_is_counted_up_to_a_limit(history, reader):
    waiting = [at(number, **FAILED, **RETRIED) for number in range(5)]
    record(history, *waiting, at(6), at(7, **FAILED), at(8, **{**FAILED, **MAIL, **RETRIED}))

    assert await reader.waiting(*CRM, 100) == 5
    assert await reader.waiting(*CRM, 3) == 3
    assert await reader.waiting(ACCOUNT_ID, "erp", 3) == 0


async def test_the_history_says_up_to_where_a_partition_is_in_it(history, reader):
    assert await reader.recorded_to("attempts", 3) == 0
    with history.writing() as connection:
        write(connection, Rows(), {("attempts", 3): 17}, {})

    assert await reader.recorded_to("attempts", 3) == 17
    assert await reader.recorded_to("attempts", 4) == 0


async def test_messages_and_replays_are_found_by_what_asked_for_them(history, reader):
    replayed = at(2, replay_id="rp-1")
    record(history, at(1, **MAIL), replayed, at(3))

    async def found(**search: str) -> list[list[str]]:
        attempts = await reader.attempts(ACCOUNT_ID, AttemptSearch(**search), Part(9))
        deliveries = await reader.deliveries(ACCOUNT_ID, DeliverySearch(**search), Part(9))
        return [[it.delivery_id for it in each.rows] for each in (attempts, deliveries)]

    assert await found(channel="email") == [["dl_1"]] * 2
    assert await found(trigger_id="tell-it") == [["dl_1"]] * 2
    assert await found(replay_id="rp-1") == [["dl_2"]] * 2
    (mail,) = (await reader.attempts(ACCOUNT_ID, AttemptSearch(channel="email"), Part(9))).rows
    assert (mail.channel, mail.trigger_id, mail.status) == ("email", "tell-it", 250)


async def test_an_event_that_runs_a_trigger_is_read_as_it_was(history, reader):
    event = an_event(
        "route", webhook_id=None, trigger_id="missed", chain=["trigger/a", "webhook/b"]
    )
    record(history, event)

    row = await reader.event(ACCOUNT_ID, event.event_id)

    assert row.event == event
