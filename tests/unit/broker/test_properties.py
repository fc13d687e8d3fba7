import socket

from agents.broker.embedded import new_cluster_id
from agents.broker.ports import free_port, is_free
from agents.broker.properties import Ports, server_properties
from schemas.topics import topics

PORTS = Ports(clients=20_001, controller=20_002)


def settings() -> dict[str, str]:
    lines = server_properties(PORTS).splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_everything_listens_on_loopback_only():
    assert settings()["listeners"] == "PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert settings()["advertised.listeners"] == "PLAINTEXT://127.0.0.1:20001"


def test_the_largest_record_of_every_topic_fits_with_its_headers():
    largest = max(topic.record_bytes_max for topic in topics())

    assert int(settings()["message.max.bytes"]) > largest
    assert int(settings()["replica.fetch.max.bytes"]) > largest


def test_topics_are_never_created_by_accident():
    assert settings()["auto.create.topics.enable"] == "false"


def test_a_killed_agent_is_missed_after_two_seconds():
    assert settings()["group.consumer.session.timeout.ms"] == "2000"
    assert settings()["group.consumer.heartbeat.interval.ms"] == "500"


def test_no_path_of_the_machine_is_in_the_file():
    assert settings()["log.dirs"] == "log"


def test_a_cluster_id_is_never_taken_for_an_option():
    ids = [new_cluster_id() for _ in range(2_000)]

    assert not [text for text in ids if text.startswith("-") or len(text) != 22]


def test_a_free_port_is_outside_the_range_that_clients_connect_from():
    port = free_port()

    assert 20_000 <= port <= 32_000
    assert is_free(port)


def test_a_port_somebody_listens_on_is_not_free():
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))
        server.listen()

        assert not is_free(server.getsockname()[1])
