"""What a notice says: whom it goes to, its subject and its text, written when it is sent.

A trigger's own templates see the activity, `account`, `trigger`, `webhook`, `failure` and, beside
these, `notice`: what is known of the failing webhook now. Where it has none the default of the
occasion is used; summaries and announcements always say the same. A recipient may be a token, which
must give an address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipeline.templates import render
from pipeline.trigger_context import template_context
from schemas.account import Account
from schemas.notice import FailureTold, Notice
from schemas.trigger import E164, EMAIL, SendEmail, Trigger
from schemas.webhook import Webhook

# Longer subjects are cut by those who show them, and some servers refuse them.
SUBJECT_CHARACTERS_MAX: Final = 200
# A message is read by people; a template that loops would make a book of it.
EMAIL_CHARACTERS_MAX: Final = 100_000
# As much as a gateway takes: ten parts of a text.
TEXT_CHARACTERS_MAX: Final = 1_600
ADDRESS_CHARACTERS_MAX: Final = 254

_EMAIL: Final = re.compile(EMAIL)
_E164: Final = re.compile(E164)
_BLANKS: Final = re.compile(r"[\s\x00-\x1f\x7f]+")

_FAILING: Final = """\
The webhook "{{webhook.name}}" ({{webhook.id}}) of {{account.name}} is failing.

Last failure: {{notice.what}}, {{notice.at}}
{{#failure.detail}}
Detail: {{failure.detail}}
{{/failure.detail}}
{{#notice.failing_since}}
Nothing delivered since: {{notice.failing_since}}
{{/notice.failing_since}}
{{#notice.waiting}}
Deliveries waiting: {{notice.waiting}}
{{/notice.waiting}}
{{#notice.is_final}}
This delivery has ended after {{failure.attempts}} attempts; it can be rerun.
{{/notice.is_final}}

Log: {{{notice.link}}}

Further failures are counted, and told of together.
"""
_SUMMARY: Final = """\
The webhook "{{webhook.name}}" ({{webhook.id}}) of {{account.name}} goes on failing.

Failures since {{notice.since}}: {{notice.count}}
Last failure: {{notice.what}}, {{notice.at}}
{{#notice.failing_since}}
Nothing delivered since: {{notice.failing_since}}
{{/notice.failing_since}}
{{#notice.waiting}}
Deliveries waiting: {{notice.waiting}}
{{/notice.waiting}}

Log: {{{notice.link}}}
"""
_ANNOUNCEMENT: Final = """\
{{notice.announcement}}
{{#notice.waiting}}

Deliveries waiting: {{notice.waiting}}
{{/notice.waiting}}

Log: {{{notice.link}}}
"""
_ORDINARY: Final = """\
The trigger "{{trigger.name}}" of {{account.name}} ran for activity {{id}} ({{notice.phase}}).

{{#name}}
Name: {{name}}
{{/name}}
{{#caller_number}}
Number: {{caller_number}}
{{/caller_number}}
{{#source}}
Source: {{source}}
{{/source}}
Activity: {{{notice.link}}}
"""
_SUBJECTS: Final = {
    "failing": 'Webhook "{{webhook.name}}" is failing: {{notice.what}}',
    "summary": 'Webhook "{{webhook.name}}": {{notice.count}} more failures',
    "announcement": 'Webhook "{{webhook.name}}": automatic disabling',
    "ordinary": "{{trigger.name}}: activity {{id}}",
}
_EMAILS: Final = {
    "failing": _FAILING,
    "summary": _SUMMARY,
    "announcement": _ANNOUNCEMENT,
    "ordinary": _ORDINARY,
}
_SINCE: Final = "{{#notice.failing_since}} since {{notice.failing_since}}{{/notice.failing_since}}"
_WAITING: Final = "{{#notice.waiting}}, {{notice.waiting}} waiting{{/notice.waiting}}"
_TEXTS: Final = {
    "failing": '{{account.name}}: webhook "{{webhook.name}}" is failing'
    f"{_SINCE}: {{{{notice.what}}}}{_WAITING}. {{{{{{notice.link}}}}}}",
    "summary": '{{account.name}}: webhook "{{webhook.name}}": {{notice.count}} more failures since '
    f"{{{{notice.since}}}}, the last {{{{notice.what}}}}{_WAITING}. {{{{{{notice.link}}}}}}",
    "announcement": "{{account.name}}: {{notice.announcement}} {{{notice.link}}}",
    "ordinary": "{{trigger.name}}: activity {{id}}"
    "{{#caller_number}}, {{caller_number}}{{/caller_number}}. {{{notice.link}}}",
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the failing webhook as the message is written; None where it is not."""

    failing_since_ms: int | None = None
    waiting: str | None = None


@dataclass(frozen=True, slots=True)
class Subjects:
    """What a notice is about, as configured now; a webhook that is gone goes by its id."""

    account: Account
    trigger: Trigger
    webhook: Webhook | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message ready to be sent. `left_out` are recipients whose token gave no address."""

    recipients: tuple[str, ...]
    left_out: tuple[str, ...]
    subject: str
    text: str


def message_of(notice: Notice, about: Subjects, now: Situation, *, public_url: str) -> Message:
    """The notice's message; raises `RenderError` when one of its templates gives none."""
    context = _context(notice, about, now, public_url)
    occasion = _occasion(notice)
    is_own = notice.kind == "message"
    action = notice.action

    def rendered(own: str | None, default: str) -> str:
        template = own if own and is_own else default
        return render(template, context, mode="text", partials=about.account.snippets)

    if isinstance(action, SendEmail):
        subject = _cut(
            _plain(rendered(action.subject, _SUBJECTS[occasion])), SUBJECT_CHARACTERS_MAX
        )
        text = _cut(rendered(action.template, _EMAILS[occasion]), EMAIL_CHARACTERS_MAX)
        pattern = _EMAIL
    else:
        subject = ""
        text = _cut(rendered(action.template, _TEXTS[occasion]).strip(), TEXT_CHARACTERS_MAX)
        pattern = _E164
    given = [rendered(None, recipient).strip() for recipient in action.to]
    found, left_out = _sorted_out(given, pattern, action.to)
    return Message(found, left_out, subject, text)


def announcement_of(webhook: Webhook, *, step: int, since_ms: int, time_zone: str) -> str:
    """One sentence: how long a webhook has failed, and what becomes of it."""
    failing = f'webhook "{webhook.name}" has failed since {moment(since_ms, time_zone)}'
    after_s = 0 if webhook.auto_disable is None else webhook.auto_disable.after_s
    if step == 100:  # noqa: PLR2004 - percent
        return f"The {failing} with nothing delivered, and was disabled."
    return (
        f"The {failing} with nothing delivered: that is {step} % of the {duration(after_s)} after "
        "which it is disabled."
    )


def duration(seconds: int) -> str:
    """A length of time in words: whole days or hours where it is, minutes otherwise."""
    for unit_s, name in ((86_400, "days"), (3_600, "hours")):
        if seconds % unit_s == 0 and seconds >= unit_s:
            count = seconds // unit_s
            return f"{count} {name if count > 1 else name[:-1]}"
    return f"{seconds // 60} minutes"


def moment(at_ms: int, time_zone: str) -> str:
    """A time as the account's people read it."""
    at = datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone(ZoneInfo(time_zone))
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def what_of(failure: FailureTold) -> str:
    """A failure in two words: what the endpoint answered, or why it did not."""
    return failure.reason if failure.status is None else f"HTTP {failure.status}"


def _occasion(notice: Notice) -> str:
    if notice.kind != "message":
        return notice.kind
    return "ordinary" if notice.failure is None else "failing"


def _context(notice: Notice, about: Subjects, now: Situation, public_url: str) -> dict[str, Any]:
    event, failure = notice.event, notice.failure
    zone = about.account.time_zone
    context = template_context(about.account, about.trigger, event, about.webhook, failure)
    if about.webhook is None and notice.webhook_id is not None:
        context["webhook"] = {"id": notice.webhook_id, "name": notice.webhook_id}

    def told(at_ms: int | None) -> str | None:
        return None if at_ms is None else moment(at_ms, zone)

    context["notice"] = {
        "what": failure and what_of(failure),
        "at": failure and told(failure.at_ms),
        "is_final": failure is not None and failure.stage == "final",
        "failing_since": told(now.failing_since_ms),
        "waiting": now.waiting,
        "count": notice.count,
        "since": told(notice.since_ms),
        "announcement": notice.announcement,
        "phase": event and event.phase,
        "link": _link(notice, public_url),
    }
    return context


def _link(notice: Notice, public_url: str) -> str:
    """Where more can be read: the webhook's log, or the activity."""
    account = f"{public_url.rstrip('/')}/api/v1/accounts/{notice.account_id}"
    if notice.webhook_id is not None:
        return f"{account}/attempts?webhook_id={notice.webhook_id}"
    activity = "" if notice.event is None else notice.event.activity_id
    return f"{account}/attempts?activity_id={activity}"


def _sorted_out(
    given: list[str], pattern: re.Pattern[str], written: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The addresses, each once, and what was written for those that are none."""
    fits = [
        len(address) <= ADDRESS_CHARACTERS_MAX and pattern.fullmatch(address) is not None
        for address in given
    ]
    found = dict.fromkeys(address for address, is_one in zip(given, fits, strict=True) if is_one)
    left_out = (token for token, is_one in zip(written, fits, strict=True) if not is_one)
    return tuple(found), tuple(left_out)


def _plain(text: str) -> str:
    """Text on one line: whatever is in an activity, it adds no header."""
    return _BLANKS.sub(" ", text).strip()


def _cut(text: str, characters_max: int) -> str:
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"
