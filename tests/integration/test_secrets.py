"""Secrets from `hookline apply` to the request, on a real broker: nowhere in plain in between."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, TopicPartition

from agents.cli.apply import apply
from agents.cli.secrets import secrets
from agents.configs.topic import ConfigTopic
from agents.configs.view import read_configs
from agents.errors import OperationError
from agents.sealing import rotation
from pipeline.configs import Configs
from pipeline.sealing import opened, seal, secrets_of
from pipeline.secret_keys import SecretKey
from pipeline.signatures import sign_ctm
from schemas.topics import CONFIGS, topics
from tests.support.brokers import settings_for
from tests.support.builders import a_webhook, an_account
from tests.support.endpoints import Endpoint, an_endpoint
from tests.support.pipelines import Pipeline, a_pipeline, current_job
from tests.support.waiting import eventually

OLD, NEW = SecretKey("old", b"o" * 32), SecretKey("new", b"n" * 32)
PLAIN = ("hunter2-password", "hunter2-header", "hunter2-signing")
DOCUMENT = """\
accounts:
  - id: 25
    name: Denver Doors
    webhooks:
      - id: crm
        name: CRM
        position: end
        url: {url}
        headers: [{{name: X-Key, value: hunter2-header}}]
        basic_auth: {{username: u, password: hunter2-password}}
        signing: {{scheme: ctm, secrets: [hunter2-signing]}}
"""
ONE_HEADER = """\
accounts:
  - id: 25
    name: Denver Doors
    webhooks:
      - id: crm
        name: CRM
        position: end
        url: https://crm.example.com/in
        headers: [{name: X-Key, value: hunter2}]
"""
QUIET_S = 40


class Commands:
    """Commands of an installation, run here with the keys that are given."""

    def __init__(self, pipeline: Pipeline, directory: Path) -> None:
        self.settings = settings_for(
            pipeline.bootstrap, topic_prefix=pipeline.prefix, data_dir=directory
        )
        self._file = directory / "config.yaml"

    def run(self, command, *arguments, keys=()):
        environment = {
            "HOOKLINE_BOOTSTRAP_SERVERS": self.settings.bootstrap_servers,
            "HOOKLINE_TOPIC_PREFIX": self.settings.topic_prefix,
            "HOOKLINE_DATA_DIR": str(self.settings.data_dir),
            "HOOKLINE_ALLOW_HTTP": "true",
            "HOOKLINE_SECRET_KEYS": ",".join(map(str, keys)),
        }
        return CliRunner().invoke(command, arguments, env=environment)

    def apply(self, document, *options, keys=(NEW,)):
        self._file.write_text(document)
        return self.run(apply, str(self._file), *options, keys=keys)

    def rotate(self, *options, keys=(NEW, OLD)):
        return self.run(secrets, "rotate", *options, keys=keys)

    def can_read(self) -> bool:
        try:
            read_configs(self.settings)
        except OperationError:
            return False
        return True

    def webhook(self, webhook_id="crm"):
        return read_configs(self.settings).webhook(25, webhook_id)


@pytest.fixture
def pipeline(broker: str, tmp_path: Path) -> Iterator[Pipeline]:
    with a_pipeline(broker, tmp_path) as made:
        yield made


@pytest.fixture
def commands(pipeline, tmp_path) -> Commands:
    made = Commands(pipeline, tmp_path)
    eventually(made.can_read, QUIET_S)  # a topic that was just created has no leader for a moment
    return made


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with an_endpoint() as made:
        yield made


def everything_on(pipeline: Pipeline, name: str) -> bytes:
    """All bytes of a topic as it is now: keys, values and headers."""
    client = Consumer({**pipeline.client, "group.id": "search"})
    topic = pipeline.topic(name)
    ends = {
        number: client.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
        for number in client.list_topics(topic, timeout=10).topics[topic].partitions
    }
    client.assign([TopicPartition(topic, number, 0) for number, end in ends.items() if end])
    found, last = b"", {number: end - 1 for number, end in ends.items() if end}
    deadline_s = time.monotonic() + QUIET_S
    while last and time.monotonic() < deadline_s:
        for message in client.consume(500, 0.2):
            found += (message.key() or b"") + (message.value() or b"")
            found += b"".join(value or b"" for _, value in message.headers() or [])
            if message.offset() == last.get(message.partition()):
                del last[message.partition()]
    client.close()
    assert not last
    return found


def test_the_endpoint_gets_the_secrets_and_no_topic_ever_holds_one(pipeline, commands, endpoint):
    endpoint.answer = lambda _, count: 503 if count == 1 else 200
    document = DOCUMENT.format(url=endpoint.url())
    applied = commands.apply(document + "        retry: {schedule: [5s]}\n")
    assert applied.exit_code == 0, applied.output
    assert "hunter2" not in applied.output
    pipeline.start("sender", HOOKLINE_SECRET_KEYS=str(NEW))
    pipeline.start("scheduler")
    pipeline.produce_job(current_job("e1"))
    reasons = [it.reason for it in pipeline.attempts(2, QUIET_S)]

    assert reasons == ["http_503", "delivered"]
    for arrival in endpoint.arrivals:
        expected = base64.b64encode(b"u:hunter2-password").decode()
        assert arrival.headers["Authorization"] == f"Basic {expected}"
        assert arrival.headers["X-Key"] == "hunter2-header"
        assert arrival.headers["X-CTM-Signature"] == sign_ctm(
            "hunter2-signing", arrival.headers["X-CTM-Time"], arrival.body
        )
    written = b"".join(everything_on(pipeline, topic.name) for topic in topics())
    assert b"sealed:new:" in written
    assert not any(text.encode() in written for text in PLAIN)
    assert base64.b64encode(b"u:hunter2-password") not in written


def test_applying_again_changes_nothing_and_a_changed_secret_is_the_only_difference(commands):
    document = DOCUMENT.format(url="https://crm.example.com/in")
    commands.apply(document)
    before = commands.webhook()
    again = commands.apply(document, keys=(SecretKey("newest", b"?" * 32), NEW))
    assert "2 unchanged" in again.stdout
    changed = commands.apply(document.replace("hunter2-header", "hunter3"))
    assert "~ webhook 25/crm\n    headers[0].value: (secret) -> (another secret)\n" in (
        changed.stdout
    )
    assert commands.webhook().basic_auth == before.basic_auth
    assert commands.webhook().signing == before.signing


def test_a_secret_that_is_on_the_topic_in_plain_is_sealed_at_the_next_apply(pipeline, commands):
    secret = a_webhook(name="CRM", headers=[{"name": "X-Key", "value": "hunter2"}])
    pipeline.apply(an_account(), secret)
    applied = commands.apply(ONE_HEADER)
    assert "    headers[0].value: (secret) -> (encrypted now)\n" in applied.stdout
    assert opened(commands.webhook(), (NEW,)).headers == secret.headers


def test_without_a_key_a_file_with_secrets_is_refused_and_one_without_is_not(commands):
    refused = commands.apply(DOCUMENT.format(url="https://crm.example.com/in"), keys=())
    assert refused.exit_code == 1
    assert str(refused.exception).startswith("accounts[0].webhooks[0] has secrets, and there is no")
    plain = "accounts: [{id: 25, name: Denver Doors}]"
    assert commands.apply(plain, keys=()).exit_code == 0


def test_a_sealed_text_in_the_file_must_be_one_of_its_place(commands):
    document = DOCUMENT.format(url="https://crm.example.com/in")
    commands.apply(document)
    sealed = commands.webhook().headers[0].value
    same = commands.apply(document.replace("hunter2-header", sealed))
    assert "2 unchanged" in same.stdout
    moved = commands.apply(document.replace("hunter2-password", sealed))
    assert moved.exit_code == 1
    assert "config.yaml:10: accounts[0].webhooks[0].basic_auth.password: the key new does not" in (
        moved.stderr
    )


def test_rotation_seals_with_the_first_key_says_so_and_then_has_nothing_to_do(pipeline, commands):
    commands.apply(DOCUMENT.format(url="https://crm.example.com/in"), keys=(OLD,))
    pipeline.apply(a_webhook(id="plain", basic_auth={"username": "u", "password": "hunter2"}))
    pipeline.apply(a_webhook(id="open"))
    before = commands.webhook()
    trial = commands.rotate("--dry-run")
    assert trial.stdout == (
        "2 sealed anew with the key new, 1 needed nothing, 0 cannot be opened "
        "(dry run: nothing was written)\n"
    )
    assert commands.webhook() == before
    assert commands.rotate().stdout.startswith("2 sealed anew with the key new, 1 needed nothing")
    after = commands.webhook()
    assert opened(after, (NEW,)) == opened(before, (OLD,))
    assert (after.version, after.updated_at) == (before.version, before.updated_at)
    assert opened(commands.webhook("plain"), (NEW,)).basic_auth.password == "hunter2"
    assert commands.rotate().stdout.startswith("0 sealed anew with the key new, 3 needed nothing")


def test_an_interrupted_rotation_goes_on_where_it_was(pipeline, commands, monkeypatch):
    monkeypatch.setattr(rotation, "_BATCH", 2)
    for number in range(5):
        auth = {"username": "u", "password": "hunter2"}
        pipeline.apply(a_webhook(id=f"w{number}", basic_auth=auth))
    batches = []

    def interrupt_at_the_second(count):
        batches.append(count)
        if len(batches) == 2:
            raise KeyboardInterrupt

    with ConfigTopic(commands.settings) as topic:
        stale = rotation.examine(topic.configs, (NEW,)).stale
        with pytest.raises(KeyboardInterrupt):
            rotation.rotate(topic, (NEW,), stale, interrupt_at_the_second)
    assert commands.rotate().stdout.startswith("1 sealed anew with the key new, 4 needed nothing")


def test_rotation_tells_what_it_cannot_open_and_does_the_rest(pipeline, commands):
    commands.apply(DOCUMENT.format(url="https://crm.example.com/in"), keys=(OLD,))
    pipeline.apply(a_webhook(id="plain", basic_auth={"username": "u", "password": "hunter2"}))
    rotated = commands.rotate(keys=(NEW,))
    assert rotated.exit_code == 1
    assert "webhook 25/crm: basic_auth.password: it is sealed with the key old" in rotated.stderr
    assert "1 sealed anew with the key new, 0 needed nothing, 1 cannot be opened" in rotated.stdout
    assert commands.rotate(keys=()).exit_code == 1


def test_what_another_writes_during_a_rotation_is_not_undone(pipeline, commands, monkeypatch):
    """Someone changes one webhook and deletes another just before their records are written."""
    for name in ("changed", "deleted", "calm"):
        pipeline.apply(a_webhook(id=name, basic_auth={"username": "u", "password": "hunter2"}))
    write = ConfigTopic.write
    others = iter([1])

    def written_late(topic, writes, *rest):
        writes = list(writes)
        if next(others, None):
            auth = {"username": "u", "password": "hunter3"}
            pipeline.apply(a_webhook(id="changed", name="Theirs", basic_auth=auth))
            pipeline.producer.produce(pipeline.topic(CONFIGS), None, b"25/webhook/deleted")
            pipeline.producer.flush(10)
        write(topic, writes, *rest)

    monkeypatch.setattr(ConfigTopic, "write", written_late)
    assert commands.rotate().exit_code == 0
    changed = opened(commands.webhook("changed"), (NEW,))
    assert (changed.name, changed.basic_auth.password) == ("Theirs", "hunter3")
    assert commands.webhook("changed").basic_auth.password.startswith("sealed:new:")
    assert commands.webhook("deleted") is None
    assert commands.webhook("calm").basic_auth.password.startswith("sealed:new:")


def test_a_rotation_under_a_running_sender_loses_nothing(pipeline, commands, endpoint, monkeypatch):
    """All know the new key before anything is sealed with it; half the jobs are sent meanwhile."""
    monkeypatch.setattr(rotation, "_BATCH", 3)
    names = [f"w{number}" for number in range(30)]
    offset = pipeline.apply(an_account(), *(sealed_by_old(name, endpoint) for name in names))
    pipeline.start("sender", HOOKLINE_SECRET_KEYS=f"{OLD},{NEW}").wait_ready()
    over = threading.Event()
    jobs = []

    def produce() -> None:
        while not over.wait(0.01):
            number = len(jobs)
            jobs.append(current_job(f"e{number}", names[number % 30], offset))
            pipeline.produce_job(jobs[-1])

    producing = threading.Thread(target=produce)
    producing.start()
    eventually(lambda: len(endpoint.arrivals) > 50, QUIET_S)
    rotated = commands.rotate()
    sent_before = len(endpoint.arrivals)
    eventually(lambda: len(endpoint.arrivals) > sent_before + 50, QUIET_S)
    over.set()
    producing.join()
    pipeline.producer.flush(10)
    attempts = pipeline.attempts(len(jobs), QUIET_S)

    assert rotated.stdout.startswith("30 sealed anew with the key new")
    assert {it.reason for it in attempts} == {"delivered"}
    assert endpoint.counts() == dict.fromkeys([job.delivery_id for job in jobs], 1)
    assert {arrival.headers["X-Key"] for arrival in endpoint.arrivals} == set(names)
    configs: Configs = read_configs(commands.settings)
    for held in configs.webhooks_of(25):
        assert [it.text.startswith("sealed:new:") for it in secrets_of(held.webhook)] == [True]


def sealed_by_old(name: str, endpoint: Endpoint):
    """A webhook whose header holds its own name, sealed by the old key."""
    webhook = a_webhook(id=name, url=endpoint.url(), headers=[{"name": "X-Key", "value": name}])
    (secret,) = secrets_of(webhook)
    sealed = seal(secret.text, OLD, secret.place, nonce=name.encode().ljust(12, b"."))
    header = webhook.headers[0].model_copy(update={"value": sealed})
    return webhook.model_copy(update={"headers": (header,)})


def test_a_sender_without_the_key_sends_nothing_until_it_has_it(pipeline, commands, endpoint):
    document = DOCUMENT.format(url=endpoint.url()) + "        retry: {schedule: [5s, 5s, 5s]}\n"
    commands.apply(document)
    sender = pipeline.start("sender")
    pipeline.start("scheduler")
    pipeline.produce_job(current_job("e1"))
    (attempt,) = pipeline.attempts(1)
    assert (attempt.reason, attempt.next.step) == ("secret_unreadable", "retry")
    sender.stop()
    pipeline.start("sender", HOOKLINE_SECRET_KEYS=str(NEW))
    attempts = pipeline.attempts(2, QUIET_S)
    assert [it.reason for it in attempts] == ["secret_unreadable", "delivered"]
    (arrival,) = endpoint.arrivals
    assert arrival.headers["X-Key"] == "hunter2-header"
