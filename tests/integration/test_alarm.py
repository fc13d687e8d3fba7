"""The alarm of the IT team: one message when an endpoint begins to fail, and later how often since.

All on one installation: real agents, a real mail server with STARTTLS and a login, a real gateway.
"""

from __future__ import annotations

import re
import time
from itertools import pairwise
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from agents.kafka.groups import NOTIFIERS
from schemas.attempt import Attempt
from schemas.codec import decode, encode
from schemas.command import Command
from schemas.event import Event
from schemas.failure import Failure
from schemas.notice import Notice
from schemas.topics import (
    ACTIVITIES,
    ACTIVITY_COMMANDS,
    ATTEMPTS,
    FAILURE_TRIGGERS,
    NOTICES,
    NOTIFIER_STATE,
)
from tests.support.builders import a_failure, a_notice, a_trigger, a_webhook, an_account, an_event
from tests.support.endpoints import an_endpoint
from tests.support.mail_server import TAKEN, a_mail_server
from tests.support.pipelines import a_pipeline, current_job
from tests.support.waiting import eventually

START_S = 60
QUIET_S = 30
THROTTLE_S = 3


@pytest.fixture(scope="module")
def alarmed(broker, tmp_path_factory):
    """An account whose webhooks fail, and everybody who is told of it."""
    directory = tmp_path_factory.mktemp("alarm")
    with (
        a_pipeline(broker, directory) as pipeline,
        a_mail_server(directory) as mail,
        an_endpoint(answer=lambda _arrival, _count: 500) as endpoint,
        an_endpoint() as gateway,
    ):
        environment = {
            **mail.environment(),
            "HOOKLINE_DATA_DIR": str(directory),
            "HOOKLINE_NOTICE_THROTTLE_S": str(THROTTLE_S),
            "HOOKLINE_SMS_URL": gateway.url("/sms"),
            "HOOKLINE_SMS_FROM": "+13035550199",
            "HOOKLINE_SMS_USERNAME": "sid",
            "HOOKLINE_SMS_PASSWORD": "token",
        }
        pipeline.apply(an_account(), *configured(endpoint))
        made = SimpleNamespace(
            pipeline=pipeline,
            mail=mail,
            endpoint=endpoint,
            gateway=gateway,
            environment=environment,
        )
        for agent in ("matcher", "sender", "scheduler"):
            pipeline.start(agent)
        made.notifier = pipeline.start("notifier", **environment)
        for worker in pipeline.workers:
            worker.wait_ready(START_S)
        yield made


def configured(endpoint):
    """Webhooks, each of whose failures runs the trigger of its name."""
    email = {"type": "email", "to": ["it@example.com"]}
    text = {"type": "text", "to": ["+13035550123"]}
    actions = {
        "crm": [email, text, {"type": "run_webhook", "webhook_id": "pager"}],
        "burst": [{"type": "email", "to": ["burst@example.com"]}],
        "mended": [
            {"type": "email", "to": ["mended@example.com"], "template": "{{failure.status}}"}
        ],
        "tagging": [{"type": "tag", "add": ["failed"]}],
    }
    for webhook_id, asked in actions.items():
        url = endpoint.url(f"/{webhook_id}")
        trigger = {"trigger_id": f"on-{webhook_id}"}
        position = "end" if webhook_id == "crm" else "route"  # where nothing is by itself
        yield a_webhook(id=webhook_id, url=url, failure_trigger=trigger, position=position)
        yield a_trigger(id=f"on-{webhook_id}", actions=asked)
    # It fails as well, and would run the trigger that ran it.
    pager = {"id": "pager", "url": endpoint.url("/pager"), "position": "route"}
    yield a_webhook(**pager, failure_trigger={"trigger_id": "on-crm"})
    yield a_trigger(id="greeting", actions=[{"type": "email", "to": ["{{email}}"]}])


def failed(alarmed, webhook_id: str, names: list[str]) -> list[Failure]:
    """First failures of a webhook's deliveries, as a sender writes them; all on the topic."""
    failures = [
        a_failure(job=current_job(name, webhook_id), at_ms=time.time_ns() // 1_000_000)
        for name in names
    ]
    pipeline = alarmed.pipeline
    for each in failures:
        pipeline.producer.produce(pipeline.topic(FAILURE_TRIGGERS), encode(each), each.key)
    assert pipeline.producer.flush(20) == 0
    return failures


def notified(alarmed, *notices: Notice) -> None:
    pipeline = alarmed.pipeline
    for each in notices:
        pipeline.producer.produce(pipeline.topic(NOTICES), encode(each), each.key)
    assert pipeline.producer.flush(20) == 0


def mails_to(alarmed, recipient: str) -> list:
    return [it for it in alarmed.mail.mails if recipient in it.recipients]


def recorded(alarmed, *, channel: str, recipient: str = "", **fields) -> list[Attempt]:
    """What is on record of messages by a channel, in the order in which it was read."""
    reader = alarmed.pipeline.reader(ATTEMPTS)
    while reader.poll():
        pass
    reader.close()
    found = [decode(Attempt, it.value()) for it in reader.messages]
    return [
        it
        for it in found
        if it.channel == channel
        and (not recipient or (it.request is not None and recipient in it.request.url))
        and all(getattr(it, name) == value for name, value in fields.items())
    ]


def all_on(alarmed, topic: str, model: type, **headers: str) -> list:
    reader = alarmed.pipeline.reader(topic)
    while reader.poll():
        pass
    reader.close()
    wanted = {(name, value.encode()) for name, value in headers.items()}
    found = [it for it in reader.messages if wanted <= {*(it.headers() or ())}]
    return [decode(model, it.value()) for it in found]


def test_an_endpoint_that_begins_to_fail_is_one_mail_and_one_text_and_no_loop(alarmed):
    began_s = time.monotonic()
    alarmed.pipeline.publish([f"call-{number}" for number in range(30)])

    eventually(lambda: mails_to(alarmed, "it@example.com"), 10)
    eventually(lambda: alarmed.gateway.arrivals, 10)
    assert time.monotonic() - began_s < 10
    (first,) = mails_to(alarmed, "it@example.com")
    assert first.subject == 'Webhook "Calls to the CRM" is failing: HTTP 500'
    assert first.was_encrypted
    (text,) = [it for it in alarmed.gateway.arrivals if it.path == "/sms"]
    form = parse_qs(text.body.decode())
    assert (form["To"], form["From"]) == (["+13035550123"], ["+13035550199"])
    assert 'webhook "Calls to the CRM" is failing' in form["Body"][0]
    assert text.headers["Authorization"].startswith("Basic ")

    # The pager was run and failed, which asks for nothing more: it is of its own chain.
    eventually(lambda: any(it.path == "/pager" for it in alarmed.endpoint.arrivals), QUIET_S)
    eventually(lambda: of_webhook(alarmed, "pager"), QUIET_S)
    assert all(it.webhook_id != "pager" for it in all_on(alarmed, NOTICES, Notice))
    routed = [it for it in all_on(alarmed, ACTIVITIES, Event) if it.phase == "route"]
    assert {it.chain for it in routed} == {("webhook/crm", "trigger/on-crm")}


def of_webhook(alarmed, webhook_id: str) -> list[Failure]:
    found = all_on(alarmed, FAILURE_TRIGGERS, Failure)
    return [it for it in found if it.job.webhook_id == webhook_id]


def test_five_hundred_failures_are_one_mail_and_a_count_though_the_notifier_is_killed(alarmed):
    failures = failed(alarmed, "burst", [f"burst-{number}" for number in range(500)])
    eventually(lambda: mails_to(alarmed, "burst@example.com"), 10)
    eventually(lambda: recorded(alarmed, channel="email", recipient="burst@"), QUIET_S)
    alarmed.notifier.kill()
    alarmed.notifier = alarmed.pipeline.start("notifier", **alarmed.environment)

    eventually(lambda: told_of(alarmed) == len(failures), QUIET_S)
    first, *summaries = mails_to(alarmed, "burst@example.com")
    assert len(summaries) <= 2  # one more if it was the very moment at which it was killed
    assert all("Last failure: HTTP 503" in it.text for it in summaries)
    assert len({it.message["Message-ID"] for it in (first, *summaries)}) == 1 + len(summaries)
    sent = len(summaries) + 1
    eventually(lambda: len(recorded(alarmed, channel="email", recipient="burst@")) == sent, QUIET_S)
    on_record = recorded(alarmed, channel="email", recipient="burst@")
    assert {(it.outcome, it.trigger_id) for it in on_record} == {("delivered", "on-burst")}
    gaps_ms = [b.first_queued_at_ms - a.at_ms for a, b in pairwise(on_record)]
    assert all(gap_ms > (THROTTLE_S - 1) * 1_000 for gap_ms in gaps_ms), gaps_ms
    # Nothing more was counted, so nothing more is told, and another failure is a first one.
    eventually(lambda: is_quiet(alarmed), QUIET_S)
    failed(alarmed, "burst", ["later"])
    eventually(lambda: len(mails_to(alarmed, "burst@example.com")) == sent + 1, QUIET_S)
    assert mails_to(alarmed, "burst@example.com")[-1].subject.endswith("is failing: HTTP 503")


def told_of(alarmed) -> int:
    """How many failures the mails tell of: the first of itself, each other one of its count."""
    subjects = [it.subject for it in mails_to(alarmed, "burst@example.com")]
    counts = [re.search(r": (\d+) more failures", subject) for subject in subjects]
    return sum(int(count[1]) if count else 1 for count in counts)


def is_quiet(alarmed) -> bool:
    """Whether the notifier remembers nothing of the webhook any more."""
    reader = alarmed.pipeline.reader(NOTIFIER_STATE)
    while reader.poll():
        pass
    reader.close()
    return {it.key(): it.value() for it in reader.messages}[b"25:burst"] is None


def test_a_mail_that_the_server_cannot_take_now_comes_later_and_says_so_on_record(alarmed):
    alarmed.mail.answer = "451 not just now"
    failed(alarmed, "mended", ["mended-1"])
    eventually(lambda: recorded(alarmed, channel="email", recipient="mended@"), QUIET_S)
    alarmed.mail.answer = TAKEN

    (first,) = recorded(alarmed, channel="email", recipient="mended@")
    assert (first.outcome, first.reason, first.response.status) == ("failed", "4xx", 451)
    assert (first.next.step, first.next.tier, first.webhook_id) == ("retry", "30s", "mended")
    (parked,) = all_on(alarmed, "retry.30s", Notice, to=NOTICES)
    assert (parked.notice_id, parked.attempt) == (first.delivery_id, 2)
    notified(alarmed, parked)  # as the scheduler will: who waits half a minute here?
    eventually(lambda: mails_to(alarmed, "mended@example.com"), QUIET_S)
    assert mails_to(alarmed, "mended@example.com")[0].text.strip() == "503"
    assert recorded(alarmed, channel="email", recipient="mended@", attempt=2)[0].lane == "retry"


def test_messages_of_ordinary_triggers_are_each_sent_once_and_copies_are_not(alarmed):
    def greeting(number: int, **more) -> Notice:
        event = an_event(activity={"id": number, "email": f"caller{number}@example.com"})
        of_none = {"webhook_id": None, "failure": None, "trigger_id": "greeting"}
        action = {"type": "email", "to": ["{{email}}"]}
        now_ms = time.time_ns() // 1_000_000
        times = {"first_queued_at_ms": now_ms, "expires_at_ms": now_ms + 60_000}
        about = {**of_none, **times, "notice_id": f"nt_{number}", "event": event}
        return a_notice(**{**about, "action": action, **more})

    unknown = {"action": {"type": "email", "to": ["{{nobody}}"]}}
    late = {"expires_at_ms": 1}
    notified(alarmed, greeting(1), greeting(2), greeting(2), greeting(3), greeting(1))
    notified(alarmed, greeting(4, **unknown), greeting(5, **late), greeting(6, trigger_id="gone"))

    def ended() -> dict[str, tuple[str, str]]:
        found = recorded(alarmed, channel="email", webhook_id="")
        return {it.delivery_id: (it.outcome, it.reason) for it in found}

    eventually(lambda: len(ended()) == 6, QUIET_S)
    assert ended() == {
        **dict.fromkeys(("nt_1", "nt_2", "nt_3"), ("delivered", "2xx")),
        "nt_4": ("blocked", "no_recipient"),
        "nt_5": ("expired", "expired"),
        "nt_6": ("skipped", "trigger_deleted"),
    }
    sent = [it for it in alarmed.mail.mails if "caller" in it.recipients[0]]
    assert sorted(it.recipients for it in sent) == [(f"caller{n}@example.com",) for n in (1, 2, 3)]


def test_a_failure_may_ask_the_upstream_system_for_a_tag(alarmed):
    (failure,) = failed(alarmed, "tagging", ["tagging-1"])

    (command,) = eventually(lambda: all_on(alarmed, ACTIVITY_COMMANDS, Command), QUIET_S)

    assert (command.action.add, command.activity_id) == (("failed",), failure.job.event.activity_id)
    assert command.chain == ("webhook/tagging", "trigger/on-tagging")


def test_the_notifier_ends_with_all_committed(alarmed):
    assert alarmed.notifier.stop() == 0
    assert alarmed.pipeline.backlog(NOTIFIERS, [FAILURE_TRIGGERS, NOTICES]) == 0
