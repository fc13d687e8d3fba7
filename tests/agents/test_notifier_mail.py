"""Email over a real mail server: what it says of each recipient counts, and nothing raises."""

from __future__ import annotations

import socket

import pytest

from agents.broker.ports import free_port
from agents.notifier.mailing import Mailer, mail_of
from agents.notifier.outage import QUIET_S, Outage
from pipeline.messages import Message
from pipeline.settings import Settings
from tests.support.builders import a_notice
from tests.support.mail_server import PASSWORD, USERNAME, a_mail_server

TO = ("it@example.com", "sales@example.com")
MESSAGE = Message(TO, (), "Webhook „CRM“ is failing", "It answers 500.\nÜber alles.\n")


@pytest.fixture(scope="module")
def module_server(tmp_path_factory):
    with a_mail_server(tmp_path_factory.mktemp("mail")) as server:
        yield server


@pytest.fixture
def server(module_server):
    module_server.refused, module_server.answer, module_server.tries = {}, "250 taken", 0
    module_server.mails.clear()
    return module_server


def a_mailer(server, **changes) -> Mailer:
    given = {
        "smtp_host": "localhost",
        "smtp_port": server.port,
        "smtp_username": USERNAME,
        "smtp_password": PASSWORD,
        "mail_from": "hooks@hookline.example",
    }
    return Mailer(Settings(**{**given, **changes}), server.authority.trusting_context())


async def carry(mailer: Mailer, message: Message = MESSAGE):
    return await mailer.carry(a_notice(), message)


async def test_an_email_goes_encrypted_and_whole_and_is_on_record_without_secrets(server):
    carried = await carry(a_mailer(server))

    (mail,) = server.mails
    assert (mail.recipients, mail.was_encrypted) == (TO, True)
    assert (mail.subject, mail.text) == (MESSAGE.subject, MESSAGE.text)
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["X-Hookline-Webhook"] == "crm"
    assert (carried.kind, carried.reason, carried.response.status) == ("delivered", "2xx", 250)
    assert carried.request.method == "SMTP"
    assert carried.request.url == "mailto:it@example.com,sales@example.com"
    assert carried.request.body == MESSAGE.text
    assert carried.timings.total_ms > 0
    assert PASSWORD not in repr(carried)


async def test_a_refused_recipient_does_not_keep_the_others_from_getting_it(server):
    server.refused = {"sales@example.com": "550 no such user"}

    carried = await carry(a_mailer(server))

    assert [mail.recipients for mail in server.mails] == [("it@example.com",)]
    assert (carried.kind, carried.again) == ("delivered", ())
    assert carried.detail == "accepted for 1; sales@example.com refused: 550 no such user"


async def test_one_who_cannot_take_it_now_is_tried_again_alone(server):
    server.refused = {"sales@example.com": "450 mailbox busy"}

    carried = await carry(a_mailer(server))

    assert (carried.kind, carried.reason, carried.again) == ("failed", "4xx", TO[1:])


@pytest.mark.parametrize(("code", "again"), [("450", TO), ("550", ())])
async def test_when_all_are_refused_the_code_says_whether_that_is_for_good(server, code, again):
    server.refused = dict.fromkeys(TO, f"{code} no")

    carried = await carry(a_mailer(server))

    assert (carried.kind, carried.reason, carried.again) == ("failed", f"{code[0]}xx", again)
    assert carried.response.status == int(code)


@pytest.mark.parametrize(("answer", "again"), [("451 later", TO), ("554 spam", ())])
async def test_a_message_that_is_refused_is_tried_again_unless_it_is_for_good(
    server, answer, again
):
    server.answer = answer
    mailer = a_mailer(server)

    carried = await carry(mailer)

    assert (carried.kind, carried.reason, carried.again) == ("failed", f"{answer[0]}xx", again)
    server.answer = "250 taken"
    assert (await carry(mailer)).kind == "delivered"  # it was this message's alone


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"smtp_password": "wrong"}, "auth"),
        ({"smtp_starttls": "never"}, "protocol"),  # the server takes no login without
        ({"smtp_tls": True}, "tls"),  # it does not speak it from the start
        ({"smtp_port": free_port()}, "connect"),
        ({"smtp_host": "mail.invalid"}, "dns"),
    ],
)
async def test_what_an_operator_has_to_mend_is_tried_again_and_nobody_else_tries_meanwhile(
    server, changes, reason
):
    mailer = a_mailer(server, **changes)

    carried = await carry(mailer)
    next_one = await carry(mailer)

    assert (carried.kind, carried.reason, carried.again) == ("failed", reason, TO)
    assert (next_one.reason, next_one.request, next_one.again) == (reason, None, TO)
    assert next_one.detail.startswith("not tried, as a moment ago it was: ")
    assert server.mails == []


async def test_a_server_nobody_vouches_for_gets_no_password(server):
    settings = Settings(smtp_host="localhost", smtp_port=server.port, mail_from="a@b.example")

    carried = await carry(Mailer(settings))

    assert (carried.reason, carried.again) == ("tls", TO)


async def test_a_server_without_tls_is_refused_unless_that_is_allowed(tmp_path):
    with a_mail_server(tmp_path, is_plain=True) as plain:
        login = {"smtp_username": "", "smtp_password": ""}
        required = await carry(a_mailer(plain, **login))
        offered = await carry(a_mailer(plain, **login, smtp_starttls="if_offered"))

    assert (required.kind, required.reason) == ("failed", "protocol")
    assert offered.kind == "delivered"
    assert not plain.mails[0].was_encrypted


async def test_a_server_that_says_nothing_is_given_up(server, monkeypatch):
    monkeypatch.setattr("agents.notifier.mailing.SEND_S_MAX", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        carried = await carry(a_mailer(server, smtp_port=silent.getsockname()[1]))

    assert (carried.kind, carried.again) == ("failed", TO)
    assert carried.reason in {"timeout", "connect"}


async def test_an_address_that_smtp_cannot_say_is_refused_for_good(server):
    message = Message(("jürgen@example.com", "it@example.com"), (), "s", "t")
    alone = Message(("jürgen@example.com",), (), "s", "t")

    carried = await carry(a_mailer(server), message)
    nobody = await carry(a_mailer(server), alone)

    assert [mail.recipients for mail in server.mails] == [("it@example.com",)]
    assert (carried.kind, nobody.kind, nobody.again) == ("delivered", "failed", ())
    assert "not an address of ASCII characters" in carried.detail


def test_without_a_server_or_a_sender_nothing_is_configured():
    assert not Mailer(Settings()).is_configured
    assert not Mailer(Settings(smtp_host="mail")).is_configured
    assert Mailer(Settings(smtp_host="mail", mail_from="a@b.example")).is_configured


def test_the_same_message_made_again_has_the_same_id():
    ids = {mail_of(a_notice(attempt=n), MESSAGE, "a@b.example")["Message-ID"] for n in (1, 2)}

    assert ids == {f"<{a_notice().notice_id}@b.example>"}


def test_an_outage_is_over_after_a_moment():
    now_s = [0.0]
    outage = Outage(lambda: now_s[0])
    assert outage.now is None
    outage.begins("dns", "no such name")
    now_s[0] = QUIET_S - 0.1
    assert outage.now is not None
    assert outage.now.reason == "dns"
    now_s[0] = QUIET_S
    assert outage.now is None
