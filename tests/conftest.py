"""Fixtures for all tests. Whatever is about Kafka is tried on a real one."""

from collections.abc import Iterator

import pytest
import structlog

from tests.support.brokers import a_broker

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
