"""A pytest plugin that breaks one guard before any test is collected, and says what it came to.

python -m pytest -p tests.mutations.plugin --mutation skip-the-read-back tests/agents
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mutations.catalogue import GUARDS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutation", choices=sorted(GUARDS), help="break this guard")
    parser.addoption("--mutation-report", type=Path, help="a file for what each test came to")


def pytest_configure(config: pytest.Config) -> None:
    name = config.getoption("--mutation")
    if name is not None:
        GUARDS[name].break_it()
    path = config.getoption("--mutation-report")
    if path is not None:
        config.pluginmanager.register(Report(path))


class Report:
    """Which tests passed, and which were failed by an assertion of theirs; no other end counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends: dict[str, str] = {}

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        if call.when == "call":
            self._ends[item.nodeid] = _end_of(call)

    def pytest_sessionfinish(self) -> None:
        self._path.write_text(json.dumps(self._ends))


def _end_of(call: pytest.CallInfo[None]) -> str:
    if call.excinfo is None:
        return "passed"
    error = call.excinfo.value
    return "failed" if _is_assertion(error) else f"raised {error!r:.200}"


def _is_assertion(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):  # more than one example of a property
        return all(map(_is_assertion, error.exceptions))
    return isinstance(error, AssertionError)
