"""What operations are carried out with, for tests of operations alone: values that say what came.

The history knows of one delivery; what is written is kept in lists; either may be away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from agents.api.auth import Principal
from agents.api.operation import Call
from agents.api.problems import unavailable
from agents.api.rerun_numbers import RerunNumbers
from agents.history.rows import ActivityRow, DeliveryRow, EventRow
from agents.sender.preparer import Prepared
from pipeline.configs import Configs
from pipeline.outcomes import Answered, Exchange, NotSent
from pipeline.requests import Request, as_recorded
from pipeline.settings import Settings
from pipeline.trials import trial_configs
from schemas.attempt import Response, SentRequest, Timings
from tests.support.builders import NOW_MS, a_job, a_webhook, an_account, an_activity
from tests.support.configs import keep

ID = a_job().delivery_id
SENT = as_recorded(Request("POST", "https://a.example/", (), b"{}"))


@dataclass
class History:
    """What is on record of one delivery."""

    request: SentRequest | None = SENT
    content: dict | None = field(default_factory=an_activity)
    status: str = "failed"
    attempts: int = 3
    channel: str = "webhook"

    async def delivery(self, _account_id, delivery_id):
        if delivery_id != ID:
            return None
        of_it = {"delivery_id": ID, "webhook_id": "crm", "event_id": "e", "activity_id": "1"}
        step = "end" if self.status == "failed" else "retry"
        return DeliveryRow(
            **of_it,
            phase="end",
            status=self.status,
            attempts=self.attempts,
            reruns=1,
            deferrals=0,
            first_queued_at_ms=NOW_MS - 9,
            last_at_ms=NOW_MS,
            last_outcome="failed",
            last_reason="timeout",
            last_status=None,
            next_step=step,
            next_due_ms=None,
            is_test=False,
            channel=self.channel,
            trigger_id=None,
            replay_id=None,
        )

    async def event(self, account_id, event_id):
        known = (account_id, event_id, "1", "end", None, "upstream", None, None, "", None, NOW_MS)
        return EventRow(*known, self.content)

    async def activity(self, _account_id, activity_id):
        row = ActivityRow(activity_id, "e", "end", 7, NOW_MS, None, None, None)
        return replace(row, content=self.content)

    async def latest_activity(self, _account_id):
        return None

    async def sent_request(self, _account_id, _delivery_id):
        return self.request


class Publisher:
    """What was written; Kafka may be away."""

    def __init__(self):
        self.records = []
        self.is_away = False

    async def publish(self, records):
        if self.is_away:
            raise unavailable("kafka", "the broker does not answer")
        self.records += records


class Writer:
    """What was changed; Kafka may be away here alone."""

    def __init__(self):
        self.is_away = False
        self.put_records = []
        self.deleted = []

    async def put(self, record, _now):
        if self.is_away:
            raise unavailable("kafka", "the broker does not answer")
        self.put_records.append(record)

    async def delete(self, keys):
        self.deleted += keys


class StubTester:
    """Says that the endpoint answered, or what a body would be."""

    body = None

    async def attempted(self, job, _configs, _keys):
        return job, Exchange(SENT, Answered(Response(status=200)), Timings())

    async def prepared(self, _job, _configs, _keys, *, now_ms):  # noqa: ARG002 - as a tester's
        return Prepared(NotSent("", ""), self.body)


@dataclass
class View:
    configs: Configs


@dataclass
class Services:
    settings: Settings = field(default_factory=Settings)
    view: View = field(default_factory=lambda: View(trial_configs(an_account(), a_webhook())))
    history: History = field(default_factory=History)
    publisher: Publisher = field(default_factory=Publisher)
    writer: Writer = field(default_factory=Writer)
    tester: StubTester = field(default_factory=StubTester)
    reruns: RerunNumbers = field(default_factory=RerunNumbers)
    now_ms: int = NOW_MS

    def clock(self):
        return self.now_ms

    def configure(self, record):
        keep(self.view.configs, record)


def call_of(services, body, record_id):
    key = Principal("hk0-1", None, frozenset())
    path = {"account": "25", "id": record_id}
    account = services.view.configs.account(25)
    return Call(services, key, account, path, None, body, None, NOW_MS, "rq_1")
