"""The tables in a database are those the code knows, made step by step."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from agents.errors import OperationError
from agents.history.engine import Database
from agents.history.schema import (
    REVISION,
    SchemaNotReadyError,
    bring_up_to_date,
    check_current,
)
from agents.history.tables import METADATA
from pipeline.settings import Settings


def test_the_steps_make_the_tables_that_the_code_knows(history):
    with history.reading() as connection:
        compared = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(compared, METADATA) == []


def test_the_steps_make_every_index_and_key_by_its_name(history):
    found = inspect(history.engine)

    for table in METADATA.sorted_tables:
        indexes = {it["name"]: it["column_names"] for it in found.get_indexes(table.name)}
        assert indexes == {it.name: [each.name for each in it.columns] for it in table.indexes}
        key = found.get_pk_constraint(table.name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key]


def test_in_sqlite_the_same_tables_go_without_row_numbers(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    migrated, made = (Database(Settings(data_dir=it)) for it in (tmp_path, other))
    bring_up_to_date(migrated)
    with made.changing() as connection:
        METADATA.create_all(connection)

    def without_row_numbers(database):
        with database.reading() as connection:
            rows = connection.execute(text("SELECT name, wr FROM pragma_table_list")).all()
        return {name for name, wr in rows if wr}

    assert without_row_numbers(migrated) == without_row_numbers(made) != set()
    migrated.close()
    made.close()


def test_to_bring_it_up_to_date_again_changes_nothing(history):
    bring_up_to_date(history)

    with history.reading() as connection:
        check_current(connection)


def test_several_processes_may_bring_it_up_to_date_at_once(database_settings):
    databases = [Database(database_settings) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(bring_up_to_date, databases)] == [None] * 4

    for database in databases:
        database.close()


def test_tables_that_are_not_there_are_told_apart_from_a_database_that_is_away(database_settings):
    database = Database(database_settings)

    with (
        database.reading() as connection,
        pytest.raises(SchemaNotReadyError, match="no tables yet: start `hookline recorder`"),
    ):
        check_current(connection)
    database.close()


def test_the_tables_of_a_newer_version_are_left_alone(history):
    with history.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(OperationError, match="newer version"):
        bring_up_to_date(history)
    with (
        history.reading() as connection,
        pytest.raises(SchemaNotReadyError, match=f"of step 9999, needed is {REVISION}"),
    ):
        check_current(connection)
