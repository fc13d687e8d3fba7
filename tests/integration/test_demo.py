"""`hookline demo --once`, as a newcomer runs it: the acceptance test of the main job."""

import re
import subprocess
import sys

import pytest

from agents.demo.run import MEASURED_EVENTS
from schemas.phases import PHASES
from tests.support.broker_command import plain_environment

# It takes under half a minute on an idle machine.
TIMEOUT_S = 110


@pytest.fixture(scope="module", autouse=True)
def _jars(broker) -> None:
    """Skip where there can be no broker, and have the jars fetched by the one for all."""


def test_everything_that_the_demo_shows_happens(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "agents.cli", "demo", "--once", "--data-dir", str(tmp_path)],
        env=plain_environment() | {"HOOKLINE_API_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    summary = run.stdout[run.stdout.index("sent to") :]
    rows = re.findall(r"✓ +(\d+) +(\w+) +(/\S+) +200 +[\d,]+ ms", summary)
    assert [(int(number), id_) for number, id_, _ in rows] == [(it.number, it.id) for it in PHASES]
    assert len({path for *_, path in rows}) == len(PHASES)
    assert "/fails-twice answered 503, 503, 200; attempts 2 and 3 came through retry.5s" in summary
    assert "given up after 2 attempts, reason connect" in summary
    assert "failure-triggers/" in summary
    assert "not sent: talk_time gte 600" in summary
    assert "not JSON" in summary
    assert "dead-letters/" in summary
    assert re.search(r"p50 [\d.]+ ms, p95 [\d.]+ ms", summary)
    assert f"{MEASURED_EVENTS} of {MEASURED_EVENTS} events" in summary
    assert "✗" not in summary
