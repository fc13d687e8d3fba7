"""`hookline bench`, as it is typed: all that was published arrives, and nothing stays behind."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.support.broker_command import plain_environment
from tests.support.waiting import eventually

EVENTS = 250
TIMEOUT_S = 110
END_S = 30
COMMAND = [sys.executable, "-m", "agents.cli", "bench", "--scenario", "healthy"]


@pytest.fixture(scope="module", autouse=True)
def _jars(broker) -> None:
    """Skip where there can be no broker, and have the jars fetched by the one for all."""


def environment(directory) -> dict[str, str]:
    return plain_environment() | {"TMPDIR": str(directory)}


def test_everything_published_arrives_once_and_the_figures_say_so(tmp_path):
    run = subprocess.run(
        [*COMMAND, "--seconds", "5", "--rate", "50", "--json"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert (found["lost"], found["parked"], found["strays"]) == (0, 0, 0)
    assert found["conditions"]["partitions"] == 8
    assert found["conditions"]["payload_bytes"] == 1_024
    (case,) = found["cases"]
    assert (case["scenario"], case["against"], case["relation"]) == ("healthy", None, None)
    (figures,) = case["runs"]
    assert figures["events"] == figures["owed"] == figures["arrived"] == EVENTS
    assert figures["requests"] == EVENTS + figures["duplicates"]
    assert 0 < figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"] <= figures["max_ms"]
    for name in ("broker", "matcher", "sender", "scheduler", "receiver", "publisher"):
        assert figures[f"cpu_s_per_1000.{name}"] >= 0
        assert figures[f"memory_mib.{name}"] > 0
    assert case["figures"]["p95_ms"]["median"] == figures["p95_ms"]
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_bench_takes_everything_down(tmp_path):
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [*COMMAND, "--seconds", "600"], env=environment(tmp_path), stdout=said, stderr=said
        )
    text = tmp_path / "said"
    eventually(lambda: "200/s for 600 s" in text.read_text(), TIMEOUT_S)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 6

    process.send_signal(signal.SIGINT)

    assert process.wait(END_S) == 130, text.read_text()
    _, alive = psutil.wait_procs(children, END_S)
    assert alive == []
    assert "Traceback" not in text.read_text()
    assert [it.name for it in tmp_path.iterdir()] == ["said"]


def test_a_bench_that_is_killed_leaves_no_process(tmp_path):
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [*COMMAND, "--seconds", "600"], env=environment(tmp_path), stdout=said, stderr=said
        )
    text = tmp_path / "said"
    eventually(lambda: "200/s for 600 s" in text.read_text(), TIMEOUT_S)
    children = psutil.Process(process.pid).children(recursive=True)

    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    _, alive = psutil.wait_procs(children, END_S)
    assert alive == []
