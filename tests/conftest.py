"""Fixtures for all tests. Whatever is about Kafka is tried on a real one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from agents.history.engine import Database
from agents.history.schema import bring_up_to_date
from pipeline.settings import Settings
from tests.support.brokers import a_broker
from tests.support.databases import a_new_database, a_postgresql

# As `configure_logging` has it: the default prints the variables of every frame, for seconds.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kafka",
        choices=("embedded", "container"),
        default="embedded",
        help="the Kafka to test on, unless HOOKLINE_BOOTSTRAP_SERVERS names one that runs",
    )


@pytest.fixture(scope="session")
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Bootstrap servers of one Kafka for the whole session: use a topic prefix of your own."""
    with a_broker(request.config.getoption("--kafka"), tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of one PostgreSQL for the whole session: make a database of your own."""
    with a_postgresql() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def database_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an empty database, of one kind and then of the other."""
    if request.param == "sqlite":
        return Settings(data_dir=tmp_path)
    server = request.getfixturevalue("postgresql")
    return Settings(data_dir=tmp_path, database_url=a_new_database(server))


@pytest.fixture
def history(database_settings: Settings) -> Iterator[Database]:
    """A history without content, on either kind of database."""
    database = Database(database_settings)
    bring_up_to_date(database)
    yield database
    database.close()
