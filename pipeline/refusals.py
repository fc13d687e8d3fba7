"""Why a job ends without another try: its time is over, or nobody wants the request any more."""

from __future__ import annotations

from pipeline.configs import Configs
from pipeline.outcomes import Outcome
from schemas.config import ConfigKey
from schemas.job import Job
from schemas.replay import Replay
from schemas.webhook import Webhook


def refusal(job: Job, configs: Configs, *, now_ms: int) -> Outcome | None:
    """The end of a delivery that must not be attempted now, or None when it may be."""
    account = configs.account(job.account_id)
    if account is None or not account.features.webhooks:
        return Outcome("skipped", "not_entitled", "the account has no webhooks in its plan")
    webhook = configs.webhook(job.account_id, job.webhook_id)
    if webhook is None:
        return Outcome("skipped", "webhook_deleted", "the webhook was deleted")
    if not webhook.enabled:
        return Outcome("skipped", "webhook_disabled", disabled_detail(webhook))
    if job.replay_id is not None and _is_cancelled(job.account_id, job.replay_id, configs):
        return Outcome("skipped", "replay_cancelled", f"replay {job.replay_id} was cancelled")
    return _expired(job, webhook) if now_ms >= job.expires_at_ms else None


def disabled_detail(webhook: Webhook) -> str:
    """Why a webhook that is disabled is not called."""
    if webhook.disabled_reason is None:
        return "the webhook is disabled"
    return f"the webhook was disabled automatically: {webhook.disabled_reason}"


def _is_cancelled(account_id: int, replay_id: str, configs: Configs) -> bool:
    replay = configs.get(ConfigKey(account_id, "replay", replay_id))
    return isinstance(replay, Replay) and replay.state == "cancelled"


def _expired(job: Job, webhook: Webhook) -> Outcome:
    """The end of a delivery whose time is over; one that was put off last never got its turn."""
    detail = f"not delivered within {webhook.expire_after_s} s of the event"
    if job.deferred_for is None:
        return Outcome("expired", "expired", detail)
    turn = "its turn" if job.attempt == 1 else f"its turn for attempt {job.attempt}"
    why = f"it never got {turn}, put off {job.deferrals} times, the last time as {job.deferred_for}"
    return Outcome("expired", "never_its_turn", f"{detail}: {why}")
