"""The writer of configuration when its broker, or its own view, does not do its part."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from agents.api import writing
from agents.api.config_log import ConfigLog, NotWritten
from agents.api.problems import conflict
from agents.api.writing import ConfigWriter
from pipeline.changes import Change, plan_changes
from pipeline.configs import Configs
from pipeline.settings import Settings
from schemas.codec import encode
from schemas.config import ConfigKey, key_of
from tests.support.builders import a_webhook

NOWHERE = Settings.model_validate({"bootstrap_servers": "127.0.0.1:9"})
KEY = ConfigKey(25, "webhook", "crm")


class Topic:
    """A topic in memory, that of the writer as of the view; what it does can be changed."""

    def __init__(self):
        self.configs = Configs()
        self.records = []
        self.error = None
        self.is_away = False
        self.is_read = True

    async def ends(self, places):
        return None if self.is_away else dict.fromkeys(places, len(self.records))

    def write(self, writes):
        if self.error is not None:
            raise self.error
        offsets = []
        for key, value in writes:
            offsets.append(len(self.records))
            self.records.append((key, value))
        return offsets

    async def reaches(self, offset):
        if not self.is_read:
            await asyncio.Event().wait()
        for at, (key, value) in enumerate(self.records[: offset + 1]):
            self.configs.apply(key, value, at)

    def close(self):
        """Nothing is held."""


@asynccontextmanager
async def running(writer):
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await writer.close()


@pytest.fixture
def topic(monkeypatch):
    made = Topic()
    monkeypatch.setattr(writing, "LogEnds", lambda _settings: made)
    monkeypatch.setattr(writing, "ConfigLog", lambda _settings: made)
    monkeypatch.setattr(writing, "CONFIG_STALENESS_MS_MAX", 0)
    return made


def saving(**fields):
    return lambda configs: plan_changes([a_webhook(**fields)], configs, now="now").changes


def refusing(_configs):
    raise conflict("not this one")


async def test_without_a_broker_every_change_that_waits_is_refused_in_time():
    async with running(ConfigWriter(NOWHERE, Topic())) as writer, asyncio.timeout(5):
        asked = (writer.write(25, saving()) for _ in range(3))
        problems = await asyncio.gather(*asked, return_exceptions=True)
    assert {problem.status for problem in problems} == {503}
    assert {problem.headers["Retry-After"] for problem in problems} == {"5"}


async def test_a_refused_change_keeps_no_other_from_being_made(topic):
    async with running(ConfigWriter(NOWHERE, topic)) as writer:
        results = await asyncio.gather(
            writer.write(25, refusing),
            writer.write(25, lambda _configs: 1 / 0),
            writer.write(25, saving()),
            return_exceptions=True,
        )
    assert results[0].status == 409
    assert isinstance(results[1], ZeroDivisionError)
    assert results[2].changes[0].record == topic.configs.get(KEY)


async def test_changes_of_different_accounts_are_written_together(topic):
    async with running(ConfigWriter(NOWHERE, topic)) as writer:
        results = await asyncio.gather(
            writer.write(25, saving()),
            writer.write(26, saving(account_id=26)),
            writer.write(25, saving(name="Later")),
        )
    assert [result.offset for result in results] == [1, 1, 2]
    assert topic.configs.get(KEY).version == 2


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (NotWritten("timed out"), 503, "kafka: timed out; the change may have been made all the"),
        (NotWritten("large", is_too_large=True), 413, "the record is larger than its topic takes"),
    ],
)
async def test_a_write_that_failed_is_told_as_what_it_is(topic, error, status, detail):
    topic.error = error
    async with running(ConfigWriter(NOWHERE, topic)) as writer:
        (problem,) = await asyncio.gather(writer.write(25, saving()), return_exceptions=True)
        topic.error = None
        assert (await writer.write(25, saving())).offset == 0
    assert problem.status == status
    assert problem.detail.startswith(detail)


def test_what_no_broker_takes_is_not_written_and_not_kept_for_later():
    log = ConfigLog(NOWHERE)
    with pytest.raises(NotWritten):
        log.write([(b"25/webhook/crm", None)])
    with pytest.raises(NotWritten):
        log.read(0, 1)
    log.close()


async def test_a_view_that_stands_still_is_not_waited_for_for_ever(topic, monkeypatch):
    monkeypatch.setattr(writing, "_READ_BACK_S_MAX", 0.01)
    topic.is_read = False
    async with running(ConfigWriter(NOWHERE, topic)) as writer:
        (problem,) = await asyncio.gather(writer.write(25, saving()), return_exceptions=True)
    assert problem.status == 503


async def test_a_change_that_nobody_waits_for_any_more_is_not_made(topic, monkeypatch):
    monkeypatch.setattr(writing, "_ANSWER_S_MAX", 0.01)
    writer = ConfigWriter(NOWHERE, topic)
    (problem,) = await asyncio.gather(writer.write(25, saving()), return_exceptions=True)
    monkeypatch.setattr(writing, "_ANSWER_S_MAX", 5)
    async with running(writer):
        await writer.write(26, saving(account_id=26))
    assert problem.status == 503
    assert topic.configs.get(KEY) is None


async def test_more_changes_than_can_wait_are_refused(topic, monkeypatch):
    monkeypatch.setattr(writing, "_WAITING_MAX", 1)
    writer = ConfigWriter(NOWHERE, topic)
    first = asyncio.create_task(writer.write(25, saving()))
    await asyncio.sleep(0)
    (problem,) = await asyncio.gather(writer.write(25, saving()), return_exceptions=True)
    assert problem.status == 503
    async with running(writer):
        assert (await first).offset == 0


async def test_what_changes_nothing_is_not_written(topic):
    webhook = a_webhook()
    topic.records.append((str(key_of(webhook)).encode(), encode(webhook)))
    async with running(ConfigWriter(NOWHERE, topic)) as writer:
        result = await writer.write(25, saving())
    assert result.changes == (Change("unchanged", KEY),)
    assert len(topic.records) == 1
