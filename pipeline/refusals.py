"""Why a job ends without another try: its time is over, or nobody wants the request any more."""

from __future__ import annotations

from pipeline.configs import Configs
from pipeline.outcomes import Outcome
from schemas.job import Job


def refusal(job: Job, configs: Configs, *, now_ms: int) -> Outcome | None:
    """The end of a delivery that must not be attempted now, or None when it may be."""
    account = configs.account(job.account_id)
    if account is None or not account.features.webhooks:
        return Outcome("skipped", "not_entitled", "the account has no webhooks in its plan")
    webhook = configs.webhook(job.account_id, job.webhook_id)
    if webhook is None:
        return Outcome("skipped", "webhook_deleted", "the webhook was deleted")
    if not webhook.enabled:
        return Outcome("skipped", "webhook_disabled", "the webhook is disabled")
    if now_ms >= job.expires_at_ms:
        return Outcome(
            "expired", "expired", f"not delivered within {webhook.expire_after_s} s of the event"
        )
    return None
