"""What an exception looks like in the log."""

import subprocess
import sys

import pytest

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
