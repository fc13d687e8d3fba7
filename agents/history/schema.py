"""The history's tables in a database: brought up to date by a recorder, needed by all who read.

Alembic keeps the number of the last step taken. Steps are taken in one transaction, and by one
process at a time, however many start at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, column, inspect, select, table, text

from agents.errors import OperationError
from agents.history.engine import Database

# The last of agents/history/migrations/versions; a test holds the two together.
REVISION: Final = "0003"

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_VERSION: Final = table("alembic_version", column("version_num"))

# Any number that nobody else who uses the database takes: who has it may change the tables.
_LOCK: Final = 7_461_283_909_015


class SchemaNotReadyError(Exception):
    """The tables are not as this version needs them; the message says what to do."""


def bring_up_to_date(database: Database) -> None:
    """Take the steps that are missing.

    Raises `OperationError` when the tables are newer than we are, and what SQLAlchemy raises when
    the database is away.
    """
    with database.changing() as connection:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise OperationError(
                f"the history at {database} was made by a newer version: {error}"
            ) from None


def check_current(connection: Connection) -> None:
    """Raise `SchemaNotReadyError` unless the tables are those of this version."""
    found = _revision(connection)
    if found is None:
        raise SchemaNotReadyError("the history has no tables yet: start `hookline recorder`")
    if found != REVISION:
        raise SchemaNotReadyError(
            f"the history's tables are of step {found}, needed is {REVISION}: start the recorder "
            "of this version, which brings them up to date"
        )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.execute(select(_VERSION.c.version_num)).scalar()
    return found
