import pytest

from agents.broker.lock import Jar, packaged_lock, parse_lock

SHA256 = "ab" * 32


def test_a_line_names_coordinate_size_and_hash():
    lock = parse_lock(f"# comment\n\norg.apache.kafka:kafka-raft:4.3.1 12 {SHA256}\n")

    assert lock.jars == (Jar("org.apache.kafka", "kafka-raft", "4.3.1", 12, SHA256),)
    assert lock.jars[0].file_name == "kafka-raft-4.3.1.jar"


@pytest.mark.parametrize("line", ["a:b:1", f"a:b 1 {SHA256}", f"a:b:1 x {SHA256}", "a:b:1 2 abc"])
def test_a_damaged_line_is_named(line):
    with pytest.raises(ValueError, match="relock"):
        parse_lock(line)


def test_a_lock_is_written_as_it_is_read():
    lock = packaged_lock()

    assert parse_lock("\n".join(map(str, lock.jars))) == lock


def test_the_packaged_lock_has_kafka_with_logging_and_no_addresses():
    lock = packaged_lock()
    names = {jar.artifact for jar in lock.jars}

    assert {"kafka_2.13", "kafka-server", "log4j-slf4j-impl"} <= names
    assert "://" not in "".join(map(str, lock.jars))


def test_no_two_jars_share_a_file_name():
    names = [jar.file_name for jar in packaged_lock().jars]

    assert len(names) == len(set(names))


def test_another_jar_gives_another_digest():
    one = parse_lock(f"a:b:1 2 {SHA256}")
    other = parse_lock(f"a:b:1 2 {'cd' * 32}")

    assert one.digest != other.digest
