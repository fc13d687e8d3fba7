import pytest

from agents.kafka.topics import as_declared, differences, replication_for, topic_config
from pipeline.settings import Settings
from schemas.topics import topics

TOPIC = topics()[0]


@pytest.mark.parametrize(
    ("given", "brokers", "copies"),
    [(None, 1, 1), (None, 2, 2), (None, 3, 3), (None, 9, 3), (2, 9, 2), (1, 3, 1)],
)
def test_copies_are_what_was_set_or_three_or_what_brokers_there_are(given, brokers, copies):
    settings = Settings(replication_factor=given)

    assert replication_for(settings, brokers=brokers) == copies


@pytest.mark.parametrize(("copies", "in_sync"), [(1, "1"), (2, "1"), (3, "2")])
def test_one_of_three_copies_may_be_away_and_none_of_fewer_blocks_writing(copies, in_sync):
    assert topic_config(TOPIC, copies)["min.insync.replicas"] == in_sync


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.name)
def test_no_topic_is_cut_by_its_size(topic):
    config = topic_config(topic, 1)

    assert config["retention.bytes"] == "-1"
    assert int(config["max.message.bytes"]) > topic.record_bytes_max


def test_a_topic_as_declared_has_no_differences():
    declared = as_declared(TOPIC, 1)

    assert differences(declared, declared | {"segment.bytes": "1"}) == ()


def test_a_missing_topic_is_one_difference():
    assert [str(d) for d in differences(as_declared(TOPIC, 1), None)] == [
        "topic is missing, not there"
    ]


def test_each_field_that_differs_is_named():
    actual = as_declared(TOPIC, 1) | {"partitions": "9"}
    del actual["retention.ms"]

    assert [str(d) for d in differences(as_declared(TOPIC, 1), actual)] == [
        "partitions is 9, not 8",
        "retention.ms is not set, not 604800000",
    ]
