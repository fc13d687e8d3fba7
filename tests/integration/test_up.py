"""`hookline up` as a process, on the session's broker: found, restarted, gone."""

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from click.testing import CliRunner

from agents.broker.ports import free_port
from agents.cli import settings_from_environment
from agents.cli.apply import apply
from agents.configs.view import read_configs
from agents.up.state import running_up, take_data_dir, with_running_installation
from pipeline.sealing import opened
from pipeline.secret_keys import parse_keys, written
from pipeline.settings import Settings
from tests.support.broker_command import plain_environment
from tests.support.brokers import settings_for
from tests.support.commands import a_document
from tests.support.waiting import eventually

WITH_A_SECRET = a_document("basic_auth: {username: u, password: hunter2}")
START_S = 60
END_S = 30


class Up:
    """The command, and the page that it serves."""

    def __init__(
        self,
        data_dir: Path,
        broker: str,
        *options: str,
        log: str = "up.log",
        **environment: str,
    ) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.prefix = f"{uuid4().hex[:8]}."
        self.log = data_dir.parent / log
        given = {
            "HOOKLINE_BOOTSTRAP_SERVERS": broker,
            "HOOKLINE_TOPIC_PREFIX": self.prefix,
            "HOOKLINE_DATA_DIR": str(data_dir),
            "HOOKLINE_API_PORT": str(self.port),
        }
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agents.cli", "up", *options],
                env=plain_environment() | given | environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def page(self, path: str) -> str:
        """What a page says, whatever its status; nothing while it is not served."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
        except OSError:
            assert self.process.poll() is None, self.said
            return ""

    def agents(self) -> dict[str, dict]:
        """How each child is, by name; empty unless all are ready."""
        told = json.loads(self.page("/ready") or '{"ready": false}')
        return {it["name"]: it for it in told["agents"]} if told["ready"] else {}

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(END_S)


@contextmanager
def an_up(broker, directory):
    started = Up(directory / "data", broker, "--senders", "2")
    yield started
    if started.process.poll() is None:
        started.end(signal.SIGTERM)


@pytest.fixture
def up(broker, tmp_path):
    """One for a test that ends it."""
    with an_up(broker, tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
def running(broker, tmp_path_factory):
    """One for tests that look at it while it runs."""
    with an_up(broker, tmp_path_factory.mktemp("running")) as started:
        yield started


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_agent_is_started_again_and_all_end_with_up_in_order(up):
    agents = eventually(up.agents, START_S)
    once = ["scheduler", "notifier", "recorder", "api"]
    assert list(agents) == ["matcher", "sender-1", "sender-2", *once]
    targets = json.loads(up.page("/targets"))
    assert {it["labels"]["agent"] for it in targets} == {*agents, "up"} - {"api"}  # up serves it

    os.kill(agents["sender-2"]["pid"], signal.SIGKILL)
    restarted = eventually(
        lambda: (now := up.agents()) and now["sender-2"]["restarts"] == 1 and now, START_S
    )

    assert "sender-2 died" in up.said
    assert "killed by SIGKILL" in up.said
    assert 'hookline_agent_restarts_total{agent="sender-2"} 1.0' in up.page("/metrics")
    assert up.end(signal.SIGTERM) == 0
    assert all(is_gone(it["pid"]) for it in restarted.values())
    order = ("matcher", "sender", "scheduler", "notifier", "recorder")
    ends = [up.said.index(f'"event": "{it}.stopped"') for it in order]
    assert ends == sorted(ends)
    keys = parse_keys((up.data_dir / "secret.keys").read_text())
    for secret in (written(*keys), (up.data_dir / "admin.key").read_text().strip()):
        assert secret not in told(up)


def test_nothing_outlives_an_up_that_is_killed(up):
    agents = eventually(up.agents, START_S)

    up.end(signal.SIGKILL)

    eventually(lambda: all(is_gone(it["pid"]) for it in agents.values()), END_S)
    assert running_up(up.data_dir) is None
    os.close(take_data_dir(up.data_dir))


def test_other_commands_find_what_runs_on_the_data_directory(running, monkeypatch, broker):
    eventually(lambda: running_up(running.data_dir), START_S)

    found = with_running_installation(Settings(data_dir=running.data_dir))
    assert (found.bootstrap_servers, found.topic_prefix) == (broker, running.prefix)

    monkeypatch.delenv("HOOKLINE_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setenv("HOOKLINE_TOPIC_PREFIX", "mine.")
    assert settings_from_environment(data_dir=running.data_dir).bootstrap_servers == broker
    assert settings_from_environment(data_dir=running.data_dir).topic_prefix == "mine."


def test_up_keeps_a_key_that_only_its_senders_and_its_owners_commands_have(running, broker):
    agents = eventually(running.agents, START_S)
    key_file = running.data_dir / "secret.keys"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    (key,) = parse_keys(key_file.read_text())
    given = {
        name: psutil.Process(it["pid"]).environ().get("HOOKLINE_SECRET_KEYS", "")
        for name, it in agents.items()
    }
    assert {name for name, text in given.items() if text} == {"sender-1", "sender-2"}

    environment = {"HOOKLINE_BOOTSTRAP_SERVERS": broker, "HOOKLINE_TOPIC_PREFIX": running.prefix}
    applied = CliRunner().invoke(
        apply, ["--data-dir", str(running.data_dir), "-"], input=WITH_A_SECRET, env=environment
    )
    assert applied.exit_code == 0, applied.output
    webhook = read_configs(settings_for(broker, topic_prefix=running.prefix)).webhook(25, "crm")
    assert webhook.basic_auth.password.startswith(f"sealed:{key.id}:")
    assert opened(webhook, (key,)).basic_auth.password == "hunter2"
    assert written(key) not in told(running)


def told(up: Up) -> str:
    """All it has said, and written for other commands."""
    return up.said + "".join(path.read_text() for path in up.data_dir.glob("*.json"))


def test_a_directory_and_a_port_in_use_are_told(running, tmp_path, broker):
    eventually(lambda: running_up(running.data_dir), START_S)

    same_directory = Up(running.data_dir, broker, log="other.log")
    assert same_directory.process.wait(END_S) == 1
    assert f"is in use by process {running.process.pid}" in same_directory.said
    same_port = Up(tmp_path / "data", broker, HOOKLINE_API_PORT=str(running.port))
    assert same_port.process.wait(END_S) == 1
    assert "set HOOKLINE_API_PORT to a free port" in same_port.said
    assert "Traceback" not in same_directory.said + same_port.said


def test_up_keeps_an_admin_key_of_its_api_that_only_its_owner_can_read(running):
    eventually(running.agents, START_S)
    key_file = running.data_dir / "admin.key"
    key = key_file.read_text().strip()

    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert f"made an admin key for the HTTP API: {key_file}" in running.said
    assert status_with(running, key) == 200
    assert status_with(running, key[:-1]) == 401
    assert key not in running.said


def status_with(up, key: str) -> int:
    """What the list of accounts answers to a key."""
    headers = {"Authorization": f"Bearer {key}"}
    url = f"http://127.0.0.1:{up.port}/api/v1/accounts"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
