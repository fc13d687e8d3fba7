import pytest

from schemas.tiers import TIERS, tier_at_least
from schemas.topics import JOBS, JOBS_REPLAY, JOBS_RETRY, topics

DAY_MS = 24 * 60 * 60 * 1_000


def test_topics_have_names_of_their_own():
    names = [topic.name for topic in topics()]

    assert len(names) == len(set(names))


def test_jobs_retries_replays_and_attempts_share_a_partition_count_and_a_key():
    sharing = [topic for topic in topics(24) if topic.partitions == 24]

    assert [topic.name for topic in sharing] == [JOBS, JOBS_RETRY, JOBS_REPLAY, "attempts"]
    assert {topic.key for topic in sharing} == {"account:webhook"}


def test_a_tier_keeps_its_jobs_a_week_beyond_their_delay():
    kept = {topic.name: topic.retention_ms for topic in topics()}

    assert all(kept[tier.topic] == tier.delay_ms + 7 * DAY_MS for tier in TIERS)


def test_only_the_compacted_topic_is_kept_for_ever():
    assert [topic.cleanup for topic in topics() if topic.retention_ms is None] == ["compact"]


@pytest.mark.parametrize(
    ("delay_ms", "name"),
    [(0, "5s"), (5_000, "5s"), (5_001, "30s"), (DAY_MS, "24h"), (DAY_MS + 1, "24h")],
)
def test_a_delay_is_rounded_up_to_a_tier_and_the_longest_takes_the_rest(delay_ms, name):
    assert tier_at_least(delay_ms).name == name
