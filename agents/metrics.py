"""Every Prometheus metric, once, with what it means. Labels are few and bounded.

No metric is labelled by webhook unless an operator names that webhook in HOOKLINE_WEBHOOK_METRICS:
a hundred thousand webhooks must not become a hundred thousand time series.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

# From half a millisecond on loopback to the longest timeout of a request.
_SECONDS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)

EVENTS: Final = Counter(
    "hookline_events_total",
    "Events read from activities: matched, unmatched, delayed, undecodable, too_large (for a topic "
    "of ours) or internal_fault; the last three are dead letters",
    ["result"],
)
TRIGGERS: Final = Counter(
    "hookline_triggers_total",
    "Triggers judged for an event or a failure: fired, or the reason why not",
    ["result"],
)
TRIGGER_ACTIONS: Final = Counter(
    "hookline_trigger_actions_total",
    "Actions of triggers that were run, by type and by what came of them: asked, loop (it led here "
    "itself), unchanged (the activity is so already) or render_error",
    ["type", "result"],
)
JOBS: Final = Counter("hookline_jobs_total", "Jobs written, by topic", ["topic"])
DEAD_LETTERS: Final = Counter(
    "hookline_dead_letters_total", "Records that could not be read, by source topic", ["topic"]
)
BATCH_SIZE: Final = Histogram(
    "hookline_matcher_batch_events",
    "Events decided on together by the matcher",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500),
)
ATTEMPTS: Final = Counter(
    "hookline_attempts_total",
    "Attempts and other ends of deliveries, by lane, outcome and reason",
    ["lane", "outcome", "reason"],
)
WEBHOOK_ATTEMPTS: Final = Counter(
    "hookline_webhook_attempts_total",
    "The same for the webhooks named in HOOKLINE_WEBHOOK_METRICS",
    ["webhook", "outcome"],
)
IN_FLIGHT: Final = Gauge("hookline_in_flight_requests", "HTTP requests being made now")
UNRECORDED: Final = Gauge(
    "hookline_unrecorded_requests",
    "Requests made or being made whose attempt is not on record yet: what a crash would repeat",
)
QUEUED: Final = Gauge(
    "hookline_queued_jobs", "Jobs waiting in the sender for their turn, by lane", ["lane"]
)
HELD: Final = Gauge(
    "hookline_held_jobs",
    "Requests not made at present because of a limit of their webhook: breaker, rate, concurrency, "
    "or order",
    ["limit"],
)
HELD_TO_PER_S: Final = Gauge(
    "hookline_retries_held_to_per_second",
    "What retries and replays together are held to while first attempts wait for them; NaN while "
    "nobody is held",
)
OPEN_BREAKERS: Final = Gauge(
    "hookline_open_breakers", "Webhooks whose endpoint is not asked at present, or by a probe only"
)
DEFERRALS: Final = Counter(
    "hookline_deferrals_total", "Jobs put off to a tier without an attempt, by reason", ["reason"]
)
RETRIES: Final = Counter("hookline_retries_total", "Further attempts scheduled, by tier", ["tier"])
LATE: Final = Counter(
    "hookline_late_results_total",
    "Results recorded after their partition had gone to another sender, which decides on them",
)
FORGOTTEN: Final = Gauge(
    "hookline_suppression_forgotten_too_soon",
    "Deliveries forgotten, since the start, that a crash could still have brought back: they may "
    "repeat; above 0 the suppression window is too small",
)
READ_BACK_MISSED: Final = Counter(
    "hookline_read_back_missed_records_total",
    "Attempts that should have been read back and were not, being too many or taking too long: "
    "their deliveries may repeat",
)
FOLLOWED: Final = Counter(
    "hookline_followed_attempts_total",
    "Attempts read in the background after a takeover, beyond those that were read back first",
)
SUPPRESSED: Final = Counter(
    "hookline_suppressed_jobs_total", "Jobs dropped because their attempt was already recorded"
)
SUPERSEDED: Final = Counter(
    "hookline_superseded_jobs_total", "Jobs dropped because their delivery was begun again"
)
FAILURES: Final = Counter(
    "hookline_failures_total",
    "Failures of deliveries that were told of: first and final, and again where a webhook's "
    "trigger runs at every one",
    ["stage"],
)
WINDOW_JOBS: Final = Gauge("hookline_window_jobs", "Jobs read and not yet completed by this sender")
WINDOW_BYTES: Final = Gauge("hookline_window_bytes", "Bytes of those jobs")
END_TO_END: Final = Histogram(
    "hookline_end_to_end_seconds",
    "From the matcher's decision to the response of a successful first attempt",
    buckets=_SECONDS,
)
QUEUE_WAIT: Final = Histogram(
    "hookline_queue_wait_seconds",
    "From a job being due to its request being started, by lane",
    ["lane"],
    buckets=_SECONDS,
)
REQUEST_TIME: Final = Histogram(
    "hookline_request_seconds",
    "Duration of HTTP requests, by outcome",
    ["outcome"],
    buckets=_SECONDS,
)
FORWARDED: Final = Counter(
    "hookline_scheduler_forwarded_total", "Due records taken out of a tier", ["tier"]
)
FORWARD_DELAY: Final = Histogram(
    "hookline_scheduler_late_seconds",
    "How long after its due time a record left its tier",
    buckets=_SECONDS,
)
TIER_PARTITIONS: Final = Gauge(
    "hookline_tier_partitions",
    "Partitions of a tier that this scheduler has, and knows the ends of",
    ["tier"],
)
TIER_WAITING: Final = Gauge(
    "hookline_tier_waiting_records", "Records in this scheduler's partitions of a tier", ["tier"]
)
TIER_OLDEST_AGE: Final = Gauge(
    "hookline_tier_oldest_age_seconds", "Age of the oldest record that waits in a tier", ["tier"]
)
TIER_OLDEST_DUE: Final = Gauge(
    "hookline_tier_oldest_due_seconds",
    "How long the head of a tier has been due; below zero, how long until it is",
    ["tier"],
)
TIER_RETENTION: Final = Gauge(
    "hookline_tier_retention_seconds", "How long a tier's topic keeps records", ["tier"]
)
TIER_RETENTION_SHORT: Final = Gauge(
    "hookline_tier_retention_too_short",
    "1 where a tier's topic may remove records that still wait, else 0",
    ["tier"],
)
CLOCKS_DISAGREE: Final = Counter(
    "hookline_scheduler_clock_disagreements_total",
    "Times that a partition's due times proved two clocks wrong, by tier",
    ["tier"],
)
HELD_TO_RATE: Final = Counter(
    "hookline_scheduler_held_to_rate_total",
    "Times that a tier's partition with due records had to wait for its turn",
    ["tier"],
)
REMOVED_UNREAD: Final = Counter(
    "hookline_records_removed_unread_total",
    "Records that a topic's retention removed before they were read: each one is a loss",
    ["topic"],
)
NOTICES: Final = Counter(
    "hookline_notices_total",
    "Triggers' messages, by channel: what became of the try to send one, throttled where it was "
    "only counted, or repeat for a copy",
    ["channel", "result"],
)
NOTICES_OPEN: Final = Gauge(
    "hookline_notifier_open_records", "Failures and notices read and not yet done with"
)
WINDOWS: Final = Gauge(
    "hookline_notifier_remembered_webhooks",
    "Failing webhooks of which this notifier remembers what was told",
)
AUTO_DISABLED: Final = Counter(
    "hookline_webhooks_disabled_total", "Webhooks disabled because they failed for too long"
)
LAG: Final = Gauge(
    "hookline_consumer_lag_records",
    "Records between the last completed one and the end of the topic",
    ["topic"],
)
PARTITIONS: Final = Gauge(
    "hookline_assigned_partitions",
    "Partitions that this sender, scheduler, notifier or recorder holds",
)
IN_DOUBT: Final = Gauge(
    "hookline_membership_in_doubt",
    "1 while this agent was frozen, or hears nothing from the broker, and may have been replaced",
)
PARTITIONS_LOST: Final = Counter(
    "hookline_partitions_lost_total",
    "Partitions that the group gave to others without our giving them up: after a freeze, or a "
    "broker that was out of reach",
)
CONFIG_OFFSET: Final = Gauge(
    "hookline_config_offset", "Newest record of the configs topic this process has applied"
)
CONFIG_FAULTS: Final = Counter(
    "hookline_config_faults_total", "Configuration records that could not be read"
)
HISTORY_RECORDS: Final = Counter(
    "hookline_history_records_total",
    "Records that the recorder has dealt with, by topic: written, unreadable, or refused by the "
    "database; the last two are logged with their place, and passed over",
    ["topic", "result"],
)
HISTORY_WRITE: Final = Histogram(
    "hookline_history_write_seconds",
    "Duration of one transaction of the recorder",
    buckets=_SECONDS,
)
HISTORY_AWAY: Final = Gauge(
    "hookline_history_database_away", "1 while the recorder cannot write to its database, else 0"
)
HISTORY_BEHIND: Final = Gauge(
    "hookline_history_behind_seconds",
    "Age of the newest record in the history while more wait to be written, else 0",
)
HISTORY_REMOVED: Final = Counter(
    "hookline_history_removed_rows_total", "Rows removed for their age, by table", ["table"]
)
RESTARTS: Final = Counter(
    "hookline_agent_restarts_total", "Agents started again by `up` after they died", ["agent"]
)
API_REQUESTS: Final = Counter(
    "hookline_api_requests_total",
    "Requests to the HTTP API, by method, path of the operation and status",
    ["method", "operation", "status"],
)
INBOUND_REQUESTS: Final = Counter(
    "hookline_inbound_requests_total",
    "Requests to the addresses of sources, by what became of them: accepted, unknown where the "
    "address leads to no source, or the problem they were answered with",
    ["result"],
)
API_TIME: Final = Histogram(
    "hookline_api_request_seconds",
    "Duration of requests to the HTTP API, by method",
    ["method"],
    buckets=_SECONDS,
)
REPLAYS: Final = Gauge("hookline_replays", "Replays that this process carries out now")
REPLAYED: Final = Counter(
    "hookline_replayed_deliveries_total",
    "Deliveries that replays chose: begun, or the reason why they were left",
    ["result"],
)
