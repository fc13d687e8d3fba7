"""The history for a week's figures, and what there is when it is away or takes too long."""

import pytest
from sqlalchemy import text

from agents.history import reading, recent
from agents.history.reading import SearchTooLongError
from agents.history.recent import RecentHistory
from agents.history.tables import ACTIVITY_BODIES
from pipeline.settings import Settings
from pipeline.timeseries import HistoryAwayError, TooManyActivitiesError
from tests.support.builders import ACCOUNT_ID, an_activity, an_event
from tests.support.histories import a_reader, record

OTHER = ACCOUNT_ID + 1


async def test_a_week_has_the_activities_that_began_in_it(history, database_settings):
    ticks = {1: 99, 2: 100, 3: 199, 4: 200}
    record(history, *(an_event(activity=an_activity(id=n, unix_time=s)) for n, s in ticks.items()))
    recently = RecentHistory(database_settings)

    found = [each["id"] for each in await recently.between(ACCOUNT_ID, 100, 200)]
    others = [*await recently.between(OTHER, 100, 200)]

    recently.close()
    assert (sorted(found), others) == ([2, 3], [])


async def test_a_week_without_end_is_refused_rather_than_counted_in_part(
    history, database_settings, monkeypatch
):
    record(history, *(an_event(activity=an_activity(id=n, unix_time=5)) for n in range(3)))
    monkeypatch.setattr(recent, "ACTIVITIES_MAX", 2)
    recently = RecentHistory(database_settings)

    with pytest.raises(TooManyActivitiesError, match="more than 2 activities"):
        await recently.between(ACCOUNT_ID, 0, 10)
    recently.close()


async def test_an_activity_without_content_counts_as_none(history, reader):
    record(history, an_event(activity=an_activity(unix_time=5)))
    with history.writing() as connection:
        connection.execute(ACTIVITY_BODIES.delete())

    assert await reader.began_between(ACCOUNT_ID, 0, 10, 1) == []


async def test_tables_that_are_not_there_yet_are_a_history_that_is_away(
    database_settings, tmp_path
):
    (tmp_path / "history.sqlite3").touch()
    async with a_reader(database_settings) as reader:
        with pytest.raises(HistoryAwayError, match="cannot be asked now"):
            await reader.latest_activity(ACCOUNT_ID)


async def test_a_database_that_is_not_there_is_away_and_is_not_made(tmp_path):
    async with a_reader(Settings(data_dir=tmp_path)) as reader:
        with pytest.raises(HistoryAwayError, match=r"has a recorder run on this directory\?"):
            await reader.latest_activity(ACCOUNT_ID)
    assert [*tmp_path.iterdir()] == []


def endless(connection):
    return connection.execute(
        text(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        )
    ).scalar()


async def test_a_search_that_takes_too_long_is_given_up(reader, monkeypatch):
    monkeypatch.setattr(reading, "SEARCH_S_MAX", 0.1)

    with pytest.raises(SearchTooLongError):
        await reader._ask(endless)  # noqa: SLF001 - no question of ours is as long as this
    assert await reader.latest_activity(ACCOUNT_ID) is None
