"""Why a job ends without another try."""

import pytest

from pipeline.refusals import refusal
from tests.support.builders import NOW_MS, a_job, a_webhook, an_account
from tests.support.configs import configs_of

NO_PLAN = an_account(features={"webhooks": False})


def reason(*records, now_ms=NOW_MS, **job) -> str | None:
    refused = refusal(a_job(**job), configs_of(*records), now_ms=now_ms)
    return None if refused is None else f"{refused.kind} {refused.reason}"


def test_a_job_that_may_be_attempted_is_not_refused():
    assert reason(an_account(), a_webhook()) is None


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ((), "skipped not_entitled"),
        ((a_webhook(),), "skipped not_entitled"),
        ((NO_PLAN, a_webhook()), "skipped not_entitled"),
        ((an_account(),), "skipped webhook_deleted"),
        ((an_account(), a_webhook(id="other")), "skipped webhook_deleted"),
        ((an_account(), an_account(id=26), a_webhook(account_id=26)), "skipped webhook_deleted"),
        ((an_account(), a_webhook(enabled=False)), "skipped webhook_disabled"),
    ],
)
def test_what_nobody_wants_any_more_is_skipped(records, why):
    assert reason(*records) == why


def test_a_delivery_expires_at_its_moment_and_not_before():
    wanted = (an_account(), a_webhook(expire_after_s=60))
    assert reason(*wanted, expires_at_ms=NOW_MS + 1) is None
    assert reason(*wanted, expires_at_ms=NOW_MS) == "expired expired"
    assert reason(*wanted, expires_at_ms=NOW_MS - 1) == "expired expired"


def test_nobody_wanting_it_goes_before_its_being_late():
    disabled = (an_account(), a_webhook(enabled=False))
    assert reason(*disabled, expires_at_ms=NOW_MS) == "skipped webhook_disabled"
