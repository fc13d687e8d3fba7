"""What an exception looks like in the log, and what is heard of libraries."""

import logging
import subprocess
import sys

import pytest
import structlog

from agents.log import LibraryHandler

SCRIPT = """
import structlog
from agents.log import configure_logging
from pipeline.settings import Settings

configure_logging(Settings.parse({"HOOKLINE_LOG_FORMAT": "%s"}), agent="sender")

def fails(password):
    raise LookupError("no such rule")

try:
    fails("hunter2")
except LookupError:
    structlog.get_logger().exception("job.internal_fault")
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_an_exception_is_logged_with_its_traceback_and_without_the_variables(log_format):
    """A secret that was opened for a request is a variable of some frame."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT % log_format], capture_output=True, text=True, check=True
    )

    assert "job.internal_fault" in ended.stderr
    assert "LookupError: no such rule" in ended.stderr
    assert "hunter2" not in ended.stderr  # code given by -c has no lines to quote


def a_line(number, *, line=7):
    return logging.LogRecord("aiokafka", logging.ERROR, "c.py", line, "no %s", (number,), None)


def test_a_library_that_repeats_itself_is_heard_now_and_then_with_a_count():
    now_s = [0.0]
    handler = LibraryHandler(lambda: now_s[0])
    with structlog.testing.capture_logs() as heard:
        for number in range(500):
            now_s[0] = number / 20
            handler.emit(a_line(number))
    assert heard[0] == {
        "event": "library.said",
        "library": "aiokafka",
        "text": "no 0",
        "exc_info": None,
        "log_level": "error",
    }
    assert [(it["text"], it.get("unsaid")) for it in heard] == [
        *(("no 0", None), ("no 200", 199), ("no 400", 199)),
    ]


def test_two_things_that_a_library_says_are_both_heard():
    handler = LibraryHandler()
    with structlog.testing.capture_logs() as heard:
        handler.emit(a_line(1, line=7))
        handler.emit(a_line(2, line=8))
    assert [it["text"] for it in heard] == ["no 1", "no 2"]


def test_what_is_remembered_of_libraries_is_bounded():
    handler = LibraryHandler(lambda: 0.0)
    with structlog.testing.capture_logs() as heard:
        for line in range(3_000):
            handler.emit(a_line(1, line=line))
    assert len(heard) == 3_000
    assert len(handler._said) <= 1_000  # noqa: SLF001 - its bound is what this is about
