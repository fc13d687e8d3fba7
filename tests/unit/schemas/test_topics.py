import pytest

from schemas.tiers import TIERS, tier_at_least
from schemas.topics import JOBS, JOBS_REPLAY, JOBS_RETRY, NOTICES, NOTIFIER_STATE, topics

DAY_MS = 24 * 60 * 60 * 1_000


def test_topics_have_names_of_their_own():
    names = [topic.name for topic in topics()]

    assert len(names) == len(set(names))


def test_what_is_about_a_webhook_shares_a_partition_count_and_a_key():
    sharing = [topic for topic in topics(24) if topic.partitions == 24]

    lanes = [JOBS, JOBS_RETRY, JOBS_REPLAY]
    assert [topic.name for topic in sharing] == [*lanes, "attempts", NOTICES, NOTIFIER_STATE]
    assert {topic.key for topic in sharing} == {"account:webhook"}


def test_a_tier_keeps_its_jobs_a_week_beyond_their_delay():
    kept = {topic.name: topic.retention_ms for topic in topics()}

    assert all(kept[tier.topic] == tier.delay_ms + 7 * DAY_MS for tier in TIERS)


def test_compacted_topics_and_no_others_are_kept_for_ever():
    assert all((topic.cleanup == "compact") is (topic.retention_ms is None) for topic in topics())


@pytest.mark.parametrize(
    ("delay_ms", "name"),
    [(0, "5s"), (5_000, "5s"), (5_001, "30s"), (DAY_MS, "24h"), (DAY_MS + 1, "24h")],
)
def test_a_delay_is_rounded_up_to_a_tier_and_the_longest_takes_the_rest(delay_ms, name):
    assert tier_at_least(delay_ms).name == name
