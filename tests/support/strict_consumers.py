"""A strict consumer without a thread and a broker, for tests of its rules."""

import asyncio
from collections import defaultdict
from types import SimpleNamespace

from faust.types import TP

from agents.strict.consumer import StrictConsumer
from agents.strict.ledger import Ledger
from agents.strict.pump import Batches

ONE, TWO = TP("activities", 0), TP("activities", 1)
CONFIGS = TP("configs", 0)


class FakeConsumer(StrictConsumer):
    """No thread and no broker: fetches are given, seeks and commits are written down."""

    should_stop = False

    def __init__(self, *fetches, committed=None, first=0, end=100):  # no super(): it opens sockets
        self.app = SimpleNamespace(
            topics=SimpleNamespace(acks_enabled_for=lambda topic: topic == "activities"),
            monitor=SimpleNamespace(track_tp_end_offset=lambda *_: None),
            consumer_generation_id=1,
            should_stop=False,
        )
        self.scheduler = SimpleNamespace(
            iterate=lambda records: iter([(tp, it) for tp, found in records for it in found])
        )
        self.flow_active = True
        self.ledger = Ledger()
        self.fetches = list(fetches)
        self.sought = []
        self.commits = []
        self.committed_by_broker = committed or {}
        self.first, self.end = first, end
        self.broker_takes = True
        self._batches = Batches(None)
        self._is_behind = lambda: False
        self._seeking = asyncio.Lock()
        self._draining = 0
        self._uncommitted = 0
        self._revoked = False
        self._reread = {}
        for name in ("_read_offset", "_committed_offset"):
            setattr(self, name, defaultdict(lambda: None))
        self._acked, self._acked_index = defaultdict(list), defaultdict(set)

    async def _wait_next_records(self, timeout):  # noqa: ASYNC109, ARG002 - as upstream
        return self.fetches.pop(0), None

    def highwater(self, _):
        return self.end

    def assignment(self):
        return {ONE, TWO, CONFIGS}

    def _to_message(self, tp, offset):
        return SimpleNamespace(tp=tp, topic=tp.topic, offset=offset)

    async def seek_wait(self, positions):
        self.sought.append(dict(positions))

    async def seek_to_committed(self):
        return {ONE: None, TWO: None, CONFIGS: None, **self.committed_by_broker}

    async def earliest_offsets(self, *tps):
        return dict.fromkeys(tps, self.first)

    async def highwaters(self, *tps):
        return dict.fromkeys(tps, self.end)

    async def _commit(self, offsets):
        self.commits.append(dict(offsets))
        return self.broker_takes

    async def handed_out(self):
        return [(tp, message.offset) async for tp, message in self.getmany(1)]


def positioned(*fetches, at=0, **given):
    consumer = FakeConsumer(*fetches, **given)
    consumer.ledger.restart({ONE: at, TWO: at})
    return consumer
