"""Messages: useful by default, in the account's own words where it has some, and bounded."""

import pytest

from pipeline.messages import (
    EMAIL_CHARACTERS_MAX,
    SUBJECT_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    Situation,
    Subjects,
    announcement_of,
    duration,
    message_of,
)
from pipeline.templates import RenderError
from tests.support.builders import (
    NOW_MS,
    a_notice,
    a_trigger,
    a_webhook,
    an_account,
    an_activity,
    an_event,
)

ABOUT = Subjects(an_account(time_zone="America/Denver"), a_trigger(), a_webhook())
TEXT = {"type": "text", "to": ["+13035550100"]}
NOTHING = Situation()
TOLD = Situation(failing_since_ms=NOW_MS - 3_600_000, waiting="12")
LINK = "https://hookline.example/api/v1/accounts/25/attempts?webhook_id=crm"


def write(notice, now=NOTHING, about=ABOUT):
    return message_of(notice, about, now, public_url="https://hookline.example/")


def email(**action):
    return a_notice(action={"type": "email", "to": ["it@example.com"], **action})


def test_an_alarm_says_which_webhook_since_when_how_and_how_many_wait():
    message = write(a_notice(), TOLD)

    assert message.subject == 'Webhook "Calls to the CRM" is failing: HTTP 503'
    assert message.recipients == ("sales@example.com",)
    assert message.text == (
        'The webhook "Calls to the CRM" (crm) of Denver Doors is failing.\n\n'
        "Last failure: HTTP 503, 2026-05-01 17:48:05 MDT\n"
        "Nothing delivered since: 2026-05-01 16:48:05 MDT\n"
        "Deliveries waiting: 12\n\n"
        f"Log: {LINK}\n\n"
        "Further failures are counted, and told of together.\n"
    )


def test_what_is_not_known_is_left_out():
    text = write(a_notice()).text

    assert "waiting" not in text
    assert "since" not in text.lower()


def test_an_alarm_without_an_answer_names_the_reason_and_the_end():
    told = {
        **a_notice().failure.model_dump(),
        "status": None,
        "reason": "timeout",
        "detail": "no answer",
        "stage": "final",
        "attempts": 10,
    }
    message = write(a_notice(failure=told))

    assert "Last failure: timeout" in message.text
    assert "Detail: no answer" in message.text
    assert "ended after 10 attempts" in message.text


def test_an_alarm_by_text_is_one_line():
    message = write(a_notice(action=TEXT), TOLD)

    assert message.subject == ""
    assert message.text == (
        'Denver Doors: webhook "Calls to the CRM" is failing since 2026-05-01 16:48:05 MDT: '
        f"HTTP 503, 12 waiting. {LINK}"
    )


def test_a_summary_tells_how_many_there_were_since_and_needs_no_event():
    summary = {"kind": "summary", "count": 499, "since_ms": NOW_MS, "event": None}
    message = write(a_notice(**summary), TOLD)

    assert message.subject == 'Webhook "Calls to the CRM": 499 more failures'
    assert "Failures since 2026-05-01 17:48:05 MDT: 499\n" in message.text
    text = write(a_notice(**summary, action=TEXT)).text
    assert "499 more failures since 2026-05-01 17:48:05 MDT, the last HTTP 503." in text


def test_an_announcement_says_what_becomes_of_the_webhook():
    webhook = a_webhook(auto_disable={"after_s": 36_000})
    sentence = announcement_of(webhook, step=50, since_ms=NOW_MS, time_zone="UTC")
    told = {"kind": "announcement", "announcement": sentence, "event": None, "failure": None}
    message = write(a_notice(**told), TOLD)

    assert sentence == (
        'The webhook "Calls to the CRM" has failed since 2026-05-01 23:48:05 UTC with nothing '
        "delivered: that is 50 % of the 10 hours after which it is disabled."
    )
    assert message.subject == 'Webhook "Calls to the CRM": automatic disabling'
    assert message.text.startswith(sentence)
    assert write(a_notice(**told, action=TEXT)).text.startswith("Denver Doors: The webhook")
    last = announcement_of(a_webhook(), step=100, since_ms=NOW_MS, time_zone="UTC")
    assert last.endswith("with nothing delivered, and was disabled.")
    assert "50 % of the 0 minutes" in announcement_of(
        a_webhook(), step=50, since_ms=NOW_MS, time_zone="UTC"
    )


def test_a_message_of_an_ordinary_trigger_tells_of_the_activity():
    of_none = {"webhook_id": None, "failure": None}
    event = an_event(activity=an_activity(name="Ann"))
    message = write(a_notice(**of_none, event=event))

    assert message.subject == "Tell sales: activity 4379952365"
    assert "Name: Ann\nNumber: +17205550123\nSource: Google Ads\n" in message.text
    assert "attempts?activity_id=4379952365" in message.text
    assert write(a_notice(**of_none, action=TEXT)).text.startswith("Tell sales: activity")
    assert write(a_notice(**of_none, event=None)).text.endswith("attempts?activity_id=\n")


def test_own_templates_see_the_activity_the_failure_and_what_is_known_now():
    notice = email(
        subject="{{failure.status}} at {{webhook.name}}\r\nBcc: evil@example.com",
        template="{{source}} {{notice.waiting}} {{account.name}} {{trigger.id}} {{>sign}}",
    )
    about = Subjects(an_account(snippets={"sign": "Bye"}), a_trigger(), a_webhook())

    message = write(notice, TOLD, about)

    assert message.subject == "503 at Calls to the CRM Bcc: evil@example.com"
    assert message.text == "Google Ads 12 Denver Doors tell-sales Bye"


def test_a_webhook_that_is_gone_goes_by_its_id():
    message = write(a_notice(), about=Subjects(an_account(), a_trigger(), None))

    assert message.subject == 'Webhook "crm" is failing: HTTP 503'


def test_recipients_may_be_named_by_the_activity_and_must_be_addresses():
    event = an_event(activity=an_activity(email=" ann@example.com ", other="x\r\ny@z.example"))
    given = ["{{email}}", "{{other}}", "{{nothing}}", "ann@example.com"]

    message = write(a_notice(event=event, action={"type": "email", "to": given}))

    assert message.recipients == ("ann@example.com",)
    assert message.left_out == ("{{other}}", "{{nothing}}")
    text = write(a_notice(action={"type": "text", "to": ["{{caller_number}}", "{{source}}"]}))
    assert (text.recipients, text.left_out) == (("+17205550123",), ("{{source}}",))


def test_messages_are_bounded():
    event = an_event(activity=an_activity(source="x" * 200_000))
    action = {"type": "email", "to": ["a@b.example"], "subject": "{{source}}"}
    long = a_notice(event=event, action={**action, "template": "{{source}}"})
    text = a_notice(event=event, action={**TEXT, "template": "{{source}}"})

    message = write(long)

    assert (len(message.subject), len(message.text)) == (
        SUBJECT_CHARACTERS_MAX,
        EMAIL_CHARACTERS_MAX,
    )
    assert len(write(text).text) == TEXT_CHARACTERS_MAX


def test_a_template_that_gives_nothing_is_an_error_with_a_place():
    with pytest.raises(RenderError, match="line 1"):
        write(email(template="{{#open}}"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(86_400, "1 day"), (172_800, "2 days"), (3_600, "1 hour"), (5_400, "90 minutes")],
)
def test_a_length_of_time_is_said_in_whole_units(seconds, words):
    assert duration(seconds) == words
