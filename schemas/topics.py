"""Every topic Hookline reads or writes, declared once: partitions, cleanup, retention, size.

Jobs, their retries, their replays, their attempts and the notices of their failures share one
partition count and one key, so that a webhook's records always lie in the partition of the same
number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from schemas.tiers import TIERS

ACTIVITIES: Final = "activities"
CONFIGS: Final = "hookline-configs-changelog"
JOBS: Final = "jobs"
JOBS_RETRY: Final = "jobs.retry"
JOBS_REPLAY: Final = "jobs.replay"
ATTEMPTS: Final = "attempts"
FAILURE_TRIGGERS: Final = "failure-triggers"
ACTIVITY_COMMANDS: Final = "activity-commands"
NOTICES: Final = "notices"
NOTIFIER_STATE: Final = "notifier-state"
INBOUND: Final = "inbound"
DEAD_LETTERS: Final = "dead-letters"

_DAY_MS: Final = 24 * 60 * 60 * 1_000

# An event may be 1 MiB; a job wraps it with a frozen body of at most the same size.
RECORD_BYTES_MAX: Final = 4 * 1024 * 1024

# A dead letter holds any record we could receive, in base64 (4/3 of it), beside its reason.
DEAD_LETTER_BYTES_MAX: Final = 6 * 1024 * 1024

JOB_PARTITIONS_DEFAULT: Final = 8


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it should be. `retention_ms` is None for a compacted topic."""

    name: str
    key: str
    partitions: int
    cleanup: Literal["delete", "compact"]
    retention_ms: int | None
    holds: str
    record_bytes_max: int = RECORD_BYTES_MAX


def topics(job_partitions: int = JOB_PARTITIONS_DEFAULT) -> tuple[Topic, ...]:
    """All topics without prefix, with `job_partitions` for the jobs, retries and attempts."""
    week = 7 * _DAY_MS
    webhook = "account:webhook"
    activity = "account:activity"
    return (
        Topic(ACTIVITIES, activity, 8, "delete", week, "events"),
        Topic(CONFIGS, "account/kind/id", 1, "compact", None, "accounts, webhooks and the rest"),
        Topic(JOBS, webhook, job_partitions, "delete", week, "first attempts"),
        Topic(JOBS_RETRY, webhook, job_partitions, "delete", week, "later attempts that are due"),
        Topic(JOBS_REPLAY, webhook, job_partitions, "delete", week, "replayed deliveries"),
        Topic(ATTEMPTS, webhook, job_partitions, "delete", week, "attempts and other ends"),
        *(
            Topic(tier.topic, webhook, 4, "delete", tier.delay_ms + week, f"due after {tier.name}")
            for tier in TIERS
        ),
        Topic(FAILURE_TRIGGERS, activity, 8, "delete", 30 * _DAY_MS, "first and final failures"),
        Topic(ACTIVITY_COMMANDS, activity, 8, "delete", week, "what triggers ask of upstream"),
        Topic(NOTICES, webhook, job_partitions, "delete", week, "emails and texts to be sent"),
        Topic(
            NOTIFIER_STATE, webhook, job_partitions, "compact", None, "what was told of failures"
        ),
        Topic(INBOUND, "account:source", 8, "delete", 30 * _DAY_MS, "what sources took in"),
        Topic(
            DEAD_LETTERS,
            "original key",
            2,
            "delete",
            30 * _DAY_MS,
            "undecodable records",
            DEAD_LETTER_BYTES_MAX,
        ),
    )
