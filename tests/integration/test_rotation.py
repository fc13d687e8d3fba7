"""`hookline secrets rotate` on a real broker: interrupted, raced, and under a running sender."""

from __future__ import annotations

import threading

import pytest

from agents.configs.topic import ConfigTopic
from agents.configs.view import read_configs
from agents.sealing import rotation
from pipeline.sealing import opened, seal, secrets_of
from pipeline.secret_keys import written
from schemas.topics import CONFIGS
from tests.support.builders import a_webhook, an_account
from tests.support.commands import NEW, OLD, SECRETS, a_document
from tests.support.endpoints import Endpoint
from tests.support.pipelines import current_job
from tests.support.waiting import eventually

QUIET_S = 40


def test_rotation_seals_with_the_first_key_says_so_and_then_has_nothing_to_do(pipeline, commands):
    commands.apply(a_document(*SECRETS), keys=(OLD,))
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
    commands.apply(a_document(*SECRETS), keys=(OLD,))
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
    pipeline.start("sender", HOOKLINE_SECRET_KEYS=written(OLD, NEW)).wait_ready()
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
    configs = read_configs(commands.settings)
    for held in configs.webhooks_of(25):
        assert [it.text.startswith("sealed:new:") for it in secrets_of(held.webhook)] == [True]


def sealed_by_old(name: str, endpoint: Endpoint):
    """A webhook whose header holds its own name, sealed by the old key."""
    webhook = a_webhook(id=name, url=endpoint.url(), headers=[{"name": "X-Key", "value": name}])
    (secret,) = secrets_of(webhook)
    sealed = seal(secret.text, OLD, secret.place, nonce=name.encode().ljust(12, b"."))
    header = webhook.headers[0].model_copy(update={"value": sealed})
    return webhook.model_copy(update={"headers": (header,)})
