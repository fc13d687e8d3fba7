"""`hookline check` says whether messages can be sent, and sends none."""

from __future__ import annotations

import pytest

from agents.errors import OperationError
from agents.notifier.checking import check_mail, check_texts, check_triggers
from pipeline.settings import Settings
from tests.support.builders import a_trigger, a_webhook
from tests.support.mail_server import PASSWORD, USERNAME, a_mail_server

TEXT = {"type": "text", "to": ["+13035550100"]}
MAIL = {"type": "email", "to": ["it@example.com"]}


def fault_of(check, *of) -> str:
    with pytest.raises(OperationError) as caught:
        check(*of)
    return str(caught.value)


def test_a_mail_server_is_asked_and_gets_no_mail(tmp_path, monkeypatch):
    with a_mail_server(tmp_path) as server:
        environment = server.environment()
        monkeypatch.setenv("SSL_CERT_FILE", environment["SSL_CERT_FILE"])
        settings = Settings.parse(environment)

        assert check_mail(settings) == (
            f"localhost:{server.port} takes emails from hooks@hookline.example"
        )
        wrong = settings.model_copy(update={"smtp_password": "wrong"})
        assert "takes no email from here: SMTPAuthenticationError" in fault_of(check_mail, wrong)
        nobody = settings.model_copy(update={"mail_from": ""})
        assert "HOOKLINE_MAIL_FROM" in fault_of(check_mail, nobody)
        assert (server.mails, USERNAME in environment.values()) == ([], True)
        assert PASSWORD not in fault_of(check_mail, wrong)


def test_a_gateway_needs_a_sender_and_https():
    assert "HOOKLINE_SMS_FROM" in fault_of(check_texts, Settings(sms_url="https://sms.example.com"))
    plain = Settings(sms_url="http://sms.example.com", sms_from="+13035550199")
    assert "HOOKLINE_ALLOW_HTTP" in fault_of(check_texts, plain)
    allowed = plain.model_copy(update={"allow_http": True})
    assert check_texts(allowed) == "they go to http://sms.example.com"


def test_without_any_setting_nothing_is_wrong_unless_a_trigger_needs_it():
    assert "no emails are sent" in check_mail(Settings())
    assert "no texts are sent" in check_texts(Settings())
    triggers = [a_webhook(), a_trigger(actions=[MAIL, TEXT]), a_trigger(actions=[MAIL])]

    assert check_triggers(Settings(), triggers[:1]).startswith("0 of their actions send emails")
    assert fault_of(check_triggers, Settings(), triggers) == (
        "of triggers' actions 2 send emails: set HOOKLINE_SMTP_HOST for the notifiers; "
        "1 send texts: set HOOKLINE_SMS_URL for the notifiers"
    )
    given = Settings(smtp_host="mail", sms_url="https://sms.example.com")
    assert check_triggers(given, triggers) == "2 of their actions send emails, 1 send texts"
