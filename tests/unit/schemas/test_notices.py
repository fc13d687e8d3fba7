"""Notices and what is remembered of them lie with their webhook."""

from schemas.ids import NOTICE_PREFIX, notice_id
from schemas.notifier_state import NotifierState
from tests.support.builders import a_notice


def test_a_notice_lies_with_the_webhook_that_fails_or_with_its_trigger():
    assert a_notice().key == b"25:crm"
    assert a_notice(webhook_id=None, failure=None).key == b"25:trigger/tell-sales"


def test_what_is_remembered_lies_with_the_notices_it_is_about():
    assert NotifierState(account_id=25, webhook_id="crm").key == a_notice().key


def test_a_message_is_known_by_what_caused_it_and_told_from_a_delivery():
    same = [notice_id("dl_1/0/first/1", "tell-it", 0, 25) for _ in range(2)]

    assert same[0] == same[1]
    assert same[0].startswith(NOTICE_PREFIX)
    assert notice_id("dl_1/0/first/1", "tell-it", 1, 25) != same[0]
