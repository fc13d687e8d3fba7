"""The alarm of the IT team: one message when an endpoint begins to fail, and later how often since.

All on one installation: real agents, a real mail server with STARTTLS and a login, a real gateway.
"""

from __future__ import annotations

import time
from itertools import pairwise
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from agents.kafka.groups import NOTIFIERS
from schemas.command import Command
from schemas.event import Event
from schemas.notice import Notice
from schemas.notifier_state import Disabling
from schemas.topics import (
    ACTIVITIES,
    ACTIVITY_COMMANDS,
    FAILURE_TRIGGERS,
    NOTICES,
)
from tests.support.alarms import (
    all_on,
    configured,
    disabled_webhooks,
    failed,
    is_quiet,
    mails_to,
    notified,
    of_webhook,
    recorded,
    remembered,
    told_of,
    tried,
)
from tests.support.builders import (
    a_notice,
    an_account,
    an_event,
)
from tests.support.endpoints import an_endpoint
from tests.support.mail_server import TAKEN, a_mail_server
from tests.support.pipelines import a_pipeline
from tests.support.waiting import eventually

START_S = 60
QUIET_S = 30
THROTTLE_S = 2


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
        for agent in ("matcher", "sender", "recorder"):
            pipeline.start(agent, HOOKLINE_DATA_DIR=str(directory))
        made.notifier = pipeline.start("notifier", **environment)
        for worker in pipeline.workers:
            worker.wait_ready(START_S)
        yield made


def test_an_endpoint_that_begins_to_fail_is_one_mail_and_one_text_and_no_loop(alarmed):
    alarmed.pipeline.publish([f"call-{number}" for number in range(30)])

    eventually(lambda: mails_to(alarmed, "it@example.com"), 10)
    eventually(lambda: alarmed.gateway.arrivals, 10)
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


def test_a_webhook_that_fails_for_too_long_is_disabled_and_one_that_may_be_is_announced(alarmed):
    assert alarmed.notifier.stop() == 0
    assert alarmed.pipeline.backlog(NOTIFIERS, [FAILURE_TRIGGERS, NOTICES]) == 0
    two_hours_ago, just_now = (time.time_ns() // 1_000_000 - it for it in (7_260_000, 60_000))
    failed_then = {"outcome": "failed", "reason": "5xx", "response": {"status": 500}}
    tried(alarmed, "tired", (two_hours_ago, failed_then), (just_now, failed_then))
    tried(alarmed, "limping", (two_hours_ago, failed_then), (just_now, failed_then))
    tried(
        alarmed, "well", (two_hours_ago, failed_then), (just_now - 9, {}), (just_now, failed_then)
    )

    alarmed.notifier = alarmed.pipeline.start("notifier", **alarmed.environment)
    disabled = eventually(lambda: disabled_webhooks(alarmed), QUIET_S)

    assert disabled.keys() == {"tired"}
    assert "with nothing delivered, which is longer than 1 hour" in disabled["tired"]
    eventually(lambda: mails_to(alarmed, "tired@example.com"), QUIET_S)
    eventually(lambda: mails_to(alarmed, "limping@example.com"), QUIET_S)
    (last,) = mails_to(alarmed, "tired@example.com")
    assert "with nothing delivered, and was disabled." in last.text
    (first,) = mails_to(alarmed, "limping@example.com")
    assert "that is 50 % of the 4 hours after which it is disabled" in first.text
    assert mails_to(alarmed, "well@example.com") == []
    kept = eventually(lambda: remembered(alarmed, b"25:limping"), QUIET_S)
    assert kept.disabling == Disabling(since_ms=two_hours_ago, step=50)
