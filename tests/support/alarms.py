"""What tests of alarms configure, write, and look at."""

from __future__ import annotations

import re
import time

from schemas.attempt import Attempt
from schemas.codec import decode, encode
from schemas.failure import Failure
from schemas.notice import Notice
from schemas.notifier_state import NotifierState
from schemas.topics import ATTEMPTS, CONFIGS, FAILURE_TRIGGERS, NOTICES, NOTIFIER_STATE
from schemas.webhook import Webhook
from tests.support.builders import a_failure, a_trigger, a_webhook, an_attempt
from tests.support.pipelines import current_job
from tests.support.waiting import eventually

QUIET_S = 30


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
    for webhook_id, after_s in (("tired", 3_600), ("limping", 4 * 3_600), ("well", 3_600)):
        trigger = {"trigger_id": f"on-{webhook_id}"}
        given = {"failure_trigger": trigger, "auto_disable": {"after_s": after_s}}
        url = endpoint.url(f"/{webhook_id}")
        yield a_webhook(id=webhook_id, url=url, position="route", **given)
        to = {"type": "email", "to": [f"{webhook_id}@example.com"]}
        yield a_trigger(id=f"on-{webhook_id}", actions=[to])
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
    found = all_on(alarmed, ATTEMPTS, Attempt)
    return [
        it
        for it in found
        if it.channel == channel
        and (not recipient or (it.request is not None and recipient in it.request.url))
        and all(getattr(it, name) == value for name, value in fields.items())
    ]


def all_on(alarmed, topic: str, model: type, **headers: str) -> list:
    """The records of a topic that have these headers, in the order in which they were read."""
    wanted = {(name, value.encode()) for name, value in headers.items()}
    found = [it for it in messages_on(alarmed, topic) if wanted <= {*(it.headers() or ())}]
    return [decode(model, it.value()) for it in found]


def messages_on(alarmed, topic: str) -> list:
    """All that stands on a topic as this begins."""
    reader = alarmed.pipeline.reader(topic)
    end = reader.end()
    eventually(lambda: reader.poll() is not None and len(reader.messages) >= end, QUIET_S)
    reader.close()
    return reader.messages


def of_webhook(alarmed, webhook_id: str) -> list[Failure]:
    found = all_on(alarmed, FAILURE_TRIGGERS, Failure)
    return [it for it in found if it.job.webhook_id == webhook_id]


def told_of(alarmed) -> int:
    """How many failures the mails tell of: the first of itself, each other one of its count."""
    subjects = [it.subject for it in mails_to(alarmed, "burst@example.com")]
    counts = [re.search(r": (\d+) more failures", subject) for subject in subjects]
    return sum(int(count[1]) if count else 1 for count in counts)


def is_quiet(alarmed) -> bool:
    """Whether the notifier remembers nothing of the webhook any more."""
    return remembered(alarmed, b"25:burst") is None


def tried(alarmed, webhook_id: str, *attempts) -> None:
    """Attempts of a webhook on record, each with its time."""
    pipeline = alarmed.pipeline
    for at_ms, fields in attempts:
        about = {"webhook_id": webhook_id, "delivery_id": f"dl_{at_ms}", "at_ms": at_ms}
        value = encode(an_attempt(**about, **fields))
        pipeline.producer.produce(pipeline.topic(ATTEMPTS), value, f"25:{webhook_id}".encode())
    assert pipeline.producer.flush(20) == 0


def disabled_webhooks(alarmed) -> dict[str, str]:
    """The webhooks that are disabled by now, each with the reason."""
    newest = {it.key(): it.value() for it in messages_on(alarmed, CONFIGS)}
    found = [decode(Webhook, value) for key, value in newest.items() if b"/webhook/" in key]
    return {it.id: it.disabled_reason or "" for it in found if not it.enabled}


def remembered(alarmed, key: bytes) -> NotifierState | None:
    value = {it.key(): it.value() for it in messages_on(alarmed, NOTIFIER_STATE)}.get(key)
    return None if value is None else decode(NotifierState, value)
