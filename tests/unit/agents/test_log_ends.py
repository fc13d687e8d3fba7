"""What counts as the broker's answer about offsets, and what as none."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from agents.kafka import log_ends
from agents.kafka.log_ends import LogEnds
from pipeline.settings import Settings

PLACES = [("configs", 0), ("activities", 3)]


class Admin:
    """Answers with the offsets given, in order; an exception is what the future raises."""

    def __init__(self, *answers):
        self.answers = answers
        self.refreshed = 0

    def list_topics(self, timeout):  # noqa: ARG002 - as the real one
        self.refreshed += 1

    def list_offsets(self, asked, request_timeout):  # noqa: ARG002 - as the real one
        futures = {}
        for place, answer in zip(asked, self.answers, strict=True):
            futures[place] = Future()
            if isinstance(answer, Exception):
                futures[place].set_exception(answer)
            else:
                futures[place].set_result(SimpleNamespace(offset=answer))
        return futures


@pytest.fixture
def ends(monkeypatch):
    async def ask(*answers):
        admin = Admin(*answers)
        monkeypatch.setattr(log_ends, "admin_client", lambda _: admin)
        found = await LogEnds(Settings()).ends(PLACES)
        assert admin.refreshed == (found is None)  # or it would ask a former leader for ever
        return found

    return ask


async def test_each_place_has_its_own_offset(ends):
    assert await ends(7, 0) == {("configs", 0): 7, ("activities", 3): 0}


async def test_a_starting_brokers_answer_without_an_offset_is_none(ends):
    assert await ends(7, -1001) is None


async def test_an_error_is_no_answer(ends):
    assert await ends(7, KafkaException(KafkaError(KafkaError._TRANSPORT))) is None  # noqa: SLF001
