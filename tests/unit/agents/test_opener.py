"""The opener: what it remembers, and what it must not."""

from agents.sender import opener
from agents.sender.opener import SecretOpener
from pipeline.sealing import sealed_like
from pipeline.secret_keys import SecretKey
from tests.support.builders import a_webhook

KEY = SecretKey("k", b"k" * 32)


def sealed(webhook_id="crm", password="hunter2"):  # noqa: S107 - a test's
    webhook = a_webhook(id=webhook_id, basic_auth={"username": "u", "password": password})
    return sealed_like(webhook, None, (KEY,), lambda: b"n" * 12)


def test_a_record_is_opened_once():
    record, secrets = sealed(), SecretOpener((KEY,))
    assert secrets.opened(record) is secrets.opened(record)


def test_another_record_of_the_webhook_is_opened_anew_even_if_it_is_equal():
    secrets = SecretOpener((KEY,))
    first = secrets.opened(sealed())
    assert secrets.opened(sealed()) is not first
    assert secrets.opened(sealed(password="new")).basic_auth.password == "new"


def test_a_webhook_without_secrets_is_not_remembered():
    webhook = a_webhook()
    assert SecretOpener(()).opened(webhook) is webhook


def test_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(opener, "REMEMBERED_MAX", 2)
    secrets = SecretOpener((KEY,))
    records = [sealed(f"w{number}") for number in range(3)]
    first, second, third = (secrets.opened(record) for record in records)
    assert secrets.opened(records[2]) is third
    assert secrets.opened(records[0]) is not first
    assert secrets.opened(records[1]) == second
