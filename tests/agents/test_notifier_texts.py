"""Texts through a real gateway on loopback, and notices on their way to a channel."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs

import pytest

from agents.broker.ports import free_port
from agents.history.reading import SearchTooLongError
from agents.notifier.carrying import WAITING_MAX, Carrier
from agents.notifier.mailing import Mailer
from agents.notifier.texting import Texter
from agents.sender.guard import EgressGuard
from agents.sender.http import HttpClient
from pipeline.auto_disabling import Failing
from pipeline.messages import Message
from pipeline.notices import Carried
from pipeline.settings import Settings, parse_networks
from pipeline.timeseries import HistoryAwayError
from tests.support.builders import NOW_MS, a_notice, a_trigger, a_webhook, an_account
from tests.support.configs import configs_of
from tests.support.endpoints import an_endpoint

TO = ("+13035550100", "+13035550101", "+13035550102")
MESSAGE = Message(TO, (), "", "Über: 500 & more")
ALLOWED = "127.0.0.0/8"


@pytest.fixture
def gateway():
    with an_endpoint() as made:
        yield made


@pytest.fixture
async def http():
    client = HttpClient(EgressGuard(parse_networks(ALLOWED)), allow_http=True)
    yield client
    await client.close()


def a_texter(http, gateway, **changes) -> Texter:
    given = {"sms_url": gateway.url("/sms"), "sms_from": "+13035550199"}
    login = {"sms_username": "sid", "sms_password": "token"}
    return Texter(Settings(**{**given, **login, **changes}), http)


async def test_each_recipient_gets_a_form_as_gateways_take_it(http, gateway):
    carried = await a_texter(http, gateway).carry(a_notice(), MESSAGE)

    forms = [parse_qs(it.body.decode()) for it in gateway.arrivals]
    assert [form["To"] for form in forms] == [[number] for number in TO]
    assert {(form["From"][0], form["Body"][0]) for form in forms} == {
        ("+13035550199", MESSAGE.text)
    }
    wanted = base64.b64encode(b"sid:token").decode()
    assert {it.headers["Authorization"] for it in gateway.arrivals} == {f"Basic {wanted}"}
    assert len({it.headers["Idempotency-Key"] for it in gateway.arrivals}) == len(TO)
    assert (carried.kind, carried.response.status, carried.again) == ("delivered", 200, ())
    assert "token" not in repr(carried.request)
    assert wanted not in repr(carried.request)


async def test_a_gateway_that_wants_no_login_gets_none(http, gateway):
    await a_texter(http, gateway, sms_username="").carry(a_notice(), MESSAGE)

    assert "Authorization" not in gateway.arrivals[0].headers


@pytest.mark.parametrize(
    ("status", "again"), [(400, ()), (422, ()), (401, TO), (429, TO), (302, TO), (500, TO)]
)
async def test_the_status_says_whether_it_was_the_text_or_the_gateway(http, gateway, status, again):
    gateway.answer = lambda _arrival, _count: status

    carried = await a_texter(http, gateway).carry(a_notice(), MESSAGE)

    assert (carried.kind, carried.reason, carried.again) == ("failed", f"{status // 100}xx", again)


async def test_who_was_refused_for_now_is_tried_again_alone(http, gateway):
    gateway.answer = lambda arrival, _count: 503 if b"0101" in arrival.body else 201

    carried = await a_texter(http, gateway).carry(a_notice(), MESSAGE)

    assert (carried.kind, carried.again) == ("failed", TO[1:2])


async def test_a_gateway_that_is_away_is_left_alone_for_a_moment(http, gateway):
    texter = a_texter(http, gateway, sms_url=f"http://127.0.0.1:{free_port()}/sms")

    carried = await texter.carry(a_notice(), MESSAGE)
    next_one = await texter.carry(a_notice(), MESSAGE)

    assert (carried.kind, carried.again) == ("failed", TO)
    assert (next_one.reason, next_one.request) == (carried.reason, None)


async def test_a_gateway_at_an_address_that_is_not_allowed_is_not_called(gateway):
    guarded = HttpClient(EgressGuard(()), allow_http=True)

    carried = await a_texter(guarded, gateway).carry(a_notice(), MESSAGE)

    await guarded.close()
    assert (carried.kind, carried.reason) == ("blocked", "egress_loopback")
    assert gateway.arrivals == []


# The way to a channel


class Channel:
    """Takes what it is given."""

    is_configured = True

    def __init__(self):
        self.messages: list[Message] = []

    async def carry(self, _notice, message):
        self.messages.append(message)
        return Carried("delivered", "2xx")


class Told:
    """A history that knows one failing webhook, or raises."""

    def __init__(self, waiting=12, error=None):
        self.count, self.error = waiting, error

    async def failing(self, *_about):
        if self.error is not None:
            raise self.error
        return Failing(NOW_MS, NOW_MS)

    async def waiting(self, *_about):
        return self.count


class View:
    def __init__(self, *records):
        self.configs = configs_of(*records)


CONFIGURED = (an_account(), a_webhook(), a_trigger())
CURRENT = {"expires_at_ms": 2**52}


async def carry(notice, *records, history=None, **channels):
    view = View(*(records or CONFIGURED))
    mail, text = channels.get("mail", Channel()), channels.get("text", Channel())
    carrier = Carrier(view, history or Told(), mail, text, "https://hookline.example")
    return await carrier.carry(notice), [*getattr(mail, "messages", ())]


async def test_a_message_tells_what_the_history_knows():
    _, (message,) = await carry(a_notice(**CURRENT))
    _, (many,) = await carry(a_notice(**CURRENT), history=Told(WAITING_MAX + 1))
    _, (none,) = await carry(a_notice(**CURRENT), history=Told(0))

    assert "Deliveries waiting: 12\n" in message.text
    assert "Deliveries waiting: more than 1,000\n" in many.text
    assert "waiting" not in none.text


@pytest.mark.parametrize("error", [HistoryAwayError("away"), SearchTooLongError(), TimeoutError()])
async def test_a_message_goes_out_without_what_the_history_cannot_tell(error):
    carried, (message,) = await carry(a_notice(**CURRENT), history=Told(error=error))

    assert carried.kind == "delivered"
    assert "waiting" not in message.text


@pytest.mark.parametrize(
    ("notice", "records", "kind", "reason"),
    [
        (a_notice(), CONFIGURED, "expired", "expired"),
        (a_notice(**CURRENT), (a_trigger(),), "skipped", "account_deleted"),
        (a_notice(**CURRENT), (an_account(),), "skipped", "trigger_deleted"),
        (
            a_notice(**CURRENT),
            (an_account(), a_trigger(enabled=False)),
            "skipped",
            "trigger_disabled",
        ),
        (
            a_notice(**CURRENT, action={"type": "email", "to": ["{{nobody}}"]}),
            CONFIGURED,
            "blocked",
            "no_recipient",
        ),
        (
            a_notice(**CURRENT, action={"type": "email", "to": ["a@b.example"], "template": "{{#"}),
            CONFIGURED,
            "blocked",
            "render_error",
        ),
    ],
)
async def test_what_need_not_or_cannot_be_sent_ends_with_its_reason(notice, records, kind, reason):
    carried, messages = await carry(notice, *records)

    assert (carried.kind, carried.reason, messages) == (kind, reason, [])


async def test_a_channel_that_is_not_configured_says_what_to_set():
    text = {"action": {"type": "text", "to": ["+13035550100"]}}
    by_mail, _ = await carry(a_notice(**CURRENT), mail=Mailer(Settings()))
    by_text, _ = await carry(a_notice(**CURRENT, **text), text=Texter(Settings(), None))

    assert (by_mail.kind, by_mail.reason) == ("blocked", "smtp_not_configured")
    assert "HOOKLINE_SMTP_HOST" in by_mail.detail
    assert by_text.reason == "sms_not_configured"
    assert "HOOKLINE_SMS_URL" in by_text.detail


async def test_a_token_that_gave_no_address_is_told_of_beside_those_who_got_it():
    action = {"type": "email", "to": ["a@b.example", "{{nobody}}"]}

    carried, (message,) = await carry(a_notice(**CURRENT, action=action))

    assert message.recipients == ("a@b.example",)
    assert (carried.kind, carried.detail) == ("delivered", "{{nobody}} gave no address")
