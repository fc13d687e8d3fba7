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
QUEUED: Final = Gauge(
    "hookline_queued_jobs", "Jobs waiting in the sender for their turn, by lane", ["lane"]
)
DEFERRALS: Final = Counter(
    "hookline_deferrals_total", "Jobs put off to a tier without an attempt, by reason", ["reason"]
)
RETRIES: Final = Counter("hookline_retries_total", "Further attempts scheduled, by tier", ["tier"])
SUPPRESSED: Final = Counter(
    "hookline_suppressed_jobs_total", "Jobs dropped because their attempt was already recorded"
)
FAILURES: Final = Counter(
    "hookline_failures_total", "First and final failures of deliveries", ["stage"]
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
LAG: Final = Gauge(
    "hookline_consumer_lag_records",
    "Records between the last completed one and the end of the topic",
    ["topic"],
)
CONFIG_OFFSET: Final = Gauge(
    "hookline_config_offset", "Newest record of the configs topic this process has applied"
)
CONFIG_FAULTS: Final = Counter(
    "hookline_config_faults_total", "Configuration records that could not be read"
)
RESTARTS: Final = Counter(
    "hookline_agent_restarts_total", "Agents started again by `up` after they died", ["agent"]
)
