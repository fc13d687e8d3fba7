"""Fixtures for all tests. Whatever is about Kafka is tried on a real one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from coverage import Coverage

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

# Files that take more than ten seconds, longest first; by a run of the whole on two cores.
LONGEST = (
    "test_matcher",
    "test_simulation",
    "test_chaos",
    "test_recorder",
    "test_up",
    "test_watchdog",
    "test_sender",
    "test_bench",
    "test_api_contract",
    "test_scheduler_kills",
    "test_broker",
    "test_replay",
    "test_alarm",
    "test_triggers",
    "test_examples",
    "test_mutations",
    "test_broker_away",
    "test_membership",
    "test_scheduler_clocks",
    "test_scheduler",
    "test_demo",
    "test_api_actions",
    "test_secrets",
    "test_tutorial",
    "test_audit",
    "test_inbound",
    "test_records",
    "test_api_broker_away",
    "test_bodies",
    "test_api_agents",
    "test_rotation",
    "test_apply",
    "test_scheduler_rate",
)

TESTS = Path(__file__).parent

# Tests of the whole. What lines they run proves nothing of each: that is for the others to cover.
UNCOUNTED = {"integration", "simulation", "mutations"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kafka",
        choices=("embedded", "container"),
        default="embedded",
        help="the Kafka to test on, unless HOOKLINE_BOOTSTRAP_SERVERS names one that runs",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several processes none is left alone with a long file at the end."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


@pytest.fixture(scope="module", autouse=True)
def _counted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Count lines only where tests are about them: a simulated world takes three times as long."""
    counting: list[Coverage] = []
    if UNCOUNTED.intersection(request.path.relative_to(TESTS).parts):
        while (it := Coverage.current()) is not None:  # in one of several processes there are two
            it.stop()
            counting.append(it)
    yield
    if counting:
        forget_answers()
    for it in reversed(counting):
        it.start()


def forget_answers() -> None:
    """Empty the caches of what is counted: what is remembered is not run again."""
    for name in [name for name in sys.modules if name.startswith(("schemas.", "pipeline."))]:
        for it in vars(sys.modules[name]).values():
            if hasattr(it, "cache_clear"):
                it.cache_clear()


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
