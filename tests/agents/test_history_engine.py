"""Where the history's database is, who may read it, and what its errors mean."""

import stat

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from agents.errors import OperationError
from agents.history.engine import FILE, Database, is_away, reason_of, refuses
from agents.history.tables import RECORDER_PLACES
from pipeline.settings import ConfigError, Settings


def test_without_a_setting_it_is_a_file_that_only_its_owner_can_read(tmp_path):
    database = Database(Settings(data_dir=tmp_path))
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))

    modes = {it.name: stat.S_IMODE(it.stat().st_mode) for it in tmp_path.glob(f"{FILE}*")}

    assert str(database) == str(tmp_path / FILE)
    assert modes[FILE] == 0o600
    assert set(modes.values()) == {0o600}
    database.close()


@pytest.mark.parametrize(
    "url", ["postgresql://ann:hunter2@db/hookline", "postgres://ann:hunter2@db/hookline"]
)
def test_a_password_is_shown_nowhere(url):
    settings = Settings.parse({"HOOKLINE_DATABASE_URL": url})

    assert str(Database(settings)) == "postgresql+psycopg://ann:***@db/hookline"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("url", ["mysql://ann:hunter2@db/x", "hunter2", "postgresql://a b"])
def test_an_address_of_something_else_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigError) as caught:
        Settings.parse({"HOOKLINE_DATABASE_URL": url})

    assert str(caught.value) == (
        "HOOKLINE_DATABASE_URL: must begin with postgresql:// and have no spaces"
    )


def test_an_address_that_cannot_be_read_is_refused_without_repeating_it():
    settings = Settings(database_url="postgresql://ann:hunter2@db:port/hookline")

    with pytest.raises(OperationError, match="is no address of a database") as caught:
        Database(settings)

    assert "hunter2" not in str(caught.value)


def test_a_server_that_does_not_answer_is_away():
    database = Database(Settings(database_url="postgresql://ann@127.0.0.1:1/hookline"))

    with pytest.raises(SQLAlchemyError) as caught, database.reading():
        pass

    assert is_away(caught.value)
    assert not refuses(caught.value)
    assert "127.0.0.1" in reason_of(caught.value)


def test_a_directory_that_is_not_there_is_a_database_that_is_away(tmp_path):
    database = Database(Settings(data_dir=tmp_path / "missing"))

    with pytest.raises(SQLAlchemyError) as caught, database.reading():
        pass

    assert is_away(caught.value)


def test_what_a_database_refuses_is_told_apart_and_its_content_is_not_repeated(history):
    row = {"topic": "hunter2", "partition": 0, "next_offset": 2**70}

    with pytest.raises((DBAPIError, OverflowError)) as caught, history.writing() as connection:
        connection.execute(RECORDER_PLACES.insert(), row)

    assert refuses(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_table_is_no_refusal(database_settings):
    database = Database(database_settings)

    with pytest.raises(SQLAlchemyError) as caught, database.writing() as connection:
        connection.execute(RECORDER_PLACES.delete())

    assert not refuses(caught.value)
    database.close()
