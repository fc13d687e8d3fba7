"""The history's database: SQLite in the data directory, or the PostgreSQL that a setting names.

Reading and writing are blocks with one transaction each. A block that writes takes SQLite's write
lock at its beginning, so it waits for its turn there and never fails half-way for want of it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from agents.errors import OperationError
from pipeline.settings import Settings

FILE: Final = "history.sqlite3"

# A transaction of the recorder takes some 50 ms; who waits this long waits for something stuck.
BUSY_TIMEOUT_S: Final = 10
CONNECT_TIMEOUT_S: Final = 5

# Reads run in threads; more at once than this wait for one another.
CONNECTIONS_MAX: Final = 10

# PostgreSQL ends what a client asked for longer than this: nobody waits for such an answer.
STATEMENT_TIMEOUT_S: Final = 30

# It holds what customers' callers have said.
_OWNER_ONLY: Final = 0o600

_WRITES: Final = "hookline_writes"
_COMMON: Final[dict[str, Any]] = {
    "pool_size": CONNECTIONS_MAX,
    "max_overflow": 0,
    "hide_parameters": True,  # an error's text must not carry what customers' callers said
}
_REASON_CHARACTERS_MAX: Final = 500


class Database:
    """Connections to the history. Its blocks raise `sqlalchemy.exc` errors; `is_away` tells which.

    Nothing is opened until the first block, so a database that is away costs nothing until then.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises `OperationError` for a HOOKLINE_DATABASE_URL that cannot be read."""
        self.url = database_url(settings)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database, and changes nothing."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the block's end, and undone when that raises."""
        engine = self.engine.execution_options(**{_WRITES: True})
        with engine.begin() as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction that may take minutes, for changes to the tables or all that they hold."""
        with self.writing() as connection:
            if not self.is_sqlite:
                connection.execute(text("SET LOCAL statement_timeout = 0"))
            yield connection

    def close(self) -> None:
        """Close the connections; another block would open new ones."""
        self.engine.dispose()

    def __str__(self) -> str:
        """Where it is, without its password."""
        return str(self.url.database) if self.is_sqlite else self.url.render_as_string()


def database_url(settings: Settings) -> URL:
    """The database's address as SQLAlchemy has it; raises `OperationError` when it is none."""
    if settings.database_url is None:
        return URL.create("sqlite", database=str(settings.data_dir.absolute() / FILE))
    try:
        address = make_url(settings.database_url)
    except (ArgumentError, ValueError):  # their messages may hold the password
        raise OperationError("HOOKLINE_DATABASE_URL is no address of a database") from None
    return address.set(drivername="postgresql+psycopg")


def is_away(error: SQLAlchemyError) -> bool:
    """Whether the database could not be asked; otherwise it did not take what it was given."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OperationalError | InterfaceError | PoolTimeoutError)


def refuses(error: Exception) -> bool:
    """Whether the database was there and did not take what it was given, and never will.

    A table that is missing, or may not be written, is no such case: that can be mended.
    """
    return isinstance(error, DataError | IntegrityError | OverflowError | UnicodeError)


def reason_of(error: Exception) -> str:
    """What the database itself said, in a line."""
    said = str(error.orig if isinstance(error, DBAPIError) and error.orig else error)
    return " ".join(said.split())[:_REASON_CHARACTERS_MAX]


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, **_COMMON)

    @event.listens_for(engine, "do_connect")
    def _close_to_others(*_: object) -> None:
        with suppress(OSError):  # SQLite says it better
            os.close(os.open(str(url.database), os.O_CREAT | os.O_RDWR, _OWNER_ONLY))

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
        connection.isolation_level = None  # the module would begin transactions of its own
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    return create_engine(
        url,
        pool_pre_ping=True,  # a connection that the server has closed is replaced, not handed out
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_S * 1_000}",
        },
        **_COMMON,
    )
