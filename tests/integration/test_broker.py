import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

from agents.broker.directory import running_broker, with_running_broker
from agents.broker.embedded import EmbeddedBroker
from agents.broker.guarded import Guarded
from agents.broker.ports import free_port
from agents.broker.progress import on_stderr
from agents.errors import OperationError
from agents.kafka.clients import admin_client, producer_config, reader_config
from pipeline.settings import Settings
from schemas.topics import DEAD_LETTER_BYTES_MAX
from tests.support.broker_command import END_S, START_S, Command
from tests.support.brokers import answers, settings_for
from tests.support.waiting import eventually


@pytest.fixture
def kafka(tmp_path):
    embedded = EmbeddedBroker(tmp_path / "data")
    yield embedded
    embedded.stop()


@pytest.fixture(scope="module", autouse=True)
def running(tmp_path_factory):
    """A broker that runs, for tests that do not stop it; no test goes on where there can be none.

    It is the first to need the jars, so it fetches them for all.
    """
    embedded = EmbeddedBroker(tmp_path_factory.mktemp("running"), show=on_stderr)
    try:
        embedded.start()
    except OperationError as error:
        pytest.skip(f"no Kafka: {error}")
    yield embedded
    embedded.stop()


@pytest.fixture
def run(tmp_path):
    commands = []

    def start(*options: str, data_dir: str = "data", **environment: str) -> Command:
        commands.append(Command(tmp_path / data_dir, *options, **environment))
        return commands[-1]

    yield start
    for command in commands:
        if command.process.poll() is None:
            command.end(signal.SIGKILL)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def write(servers: str, topic: str, value: bytes) -> None:
    reports = []
    producer = Producer(producer_config(settings_for(servers)) | {"message.max.bytes": 10_000_000})
    producer.produce(topic, value, on_delivery=lambda error, _: reports.append(error))
    assert producer.flush(START_S) == 0
    assert reports == [None]


def create(servers: str, topic: str, **config: str) -> None:
    admin = admin_client(settings_for(servers))
    admin.create_topics([NewTopic(topic, 1, 1, config=config)])[topic].result(END_S)


def first_value(servers: str, topic: str) -> bytes:
    consumer = Consumer(reader_config(settings_for(servers)))
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        message = consumer.poll(END_S)
        assert message is not None
        assert message.error() is None
        return message.value()
    finally:
        consumer.close()


def test_it_is_ready_to_be_written_to_when_start_returns(running):
    servers = running.bootstrap_servers

    create(servers, "records")
    write(servers, "records", b"one")

    assert running.alive
    assert first_value(servers, "records") == b"one"


def test_data_and_port_are_kept_over_a_stop_and_a_kill(kafka):
    servers = kafka.start()
    create(servers, "records")
    write(servers, "records", b"one")

    kafka.stop()
    assert kafka.start() == servers
    kafka.kill()
    assert kafka.start() == servers

    assert first_value(servers, "records") == b"one"


def test_another_port_is_taken_when_the_remembered_one_is_not_free(kafka):
    servers = kafka.start()
    kafka.stop()
    host, port = servers.split(":")
    with socket.create_server((host, int(port))):
        assert kafka.start() != servers


def test_a_dead_letter_of_the_largest_size_fits(running):
    largest = {"max.message.bytes": str(DEAD_LETTER_BYTES_MAX + 65_536)}
    create(running.bootstrap_servers, "largest", **largest)

    write(running.bootstrap_servers, "largest", b"x" * DEAD_LETTER_BYTES_MAX)


def test_a_broker_that_dies_says_its_last_words(kafka):
    kafka.start()
    os.kill(kafka.kafka_pid, signal.SIGKILL)

    eventually(lambda: not kafka.alive, END_S)

    assert "ended by itself" in str(kafka.failure())


def test_data_that_kafka_refuses_is_reported_in_its_own_words(tmp_path, kafka):
    kafka.start()
    kafka.stop()
    meta = tmp_path / "data/kafka/log/meta.properties"
    meta.write_text(re.sub(r"node\.id=\d+", "node.id=7", meta.read_text()))

    with pytest.raises(OperationError, match=r"last words(.|\n)*Stored node id 7") as refused:
        kafka.start()

    assert "\tat " not in str(refused.value)
    assert not kafka.alive


def test_no_java_stays_when_its_owner_is_killed(run):
    command = run()
    servers, kafka_pid = command.wait_until_running()
    guard_pid = psutil.Process(kafka_pid).ppid()

    command.end(signal.SIGKILL)

    eventually(lambda: is_gone(kafka_pid) and is_gone(guard_pid), END_S)
    assert running_broker(command.data_dir) is None
    restarted = run()
    assert restarted.wait_until_running()[0] == servers


def test_no_java_stays_when_guard_and_owner_are_killed(run):
    command = run()
    _, kafka_pid = command.wait_until_running()

    os.kill(psutil.Process(kafka_pid).ppid(), signal.SIGKILL)
    eventually(lambda: is_gone(kafka_pid), END_S)

    output, _ = command.process.communicate(timeout=END_S)
    assert command.process.returncode == 1
    assert "Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(run, number):
    command = run()
    _, kafka_pid = command.wait_until_running()
    eventually(command.is_listening_for_signals, END_S)

    code, output = command.end(number)

    assert (code, "Traceback" in output) == (0, False)
    assert is_gone(kafka_pid)
    assert not (command.data_dir / "broker.json").exists()
    assert (command.data_dir / "kafka/log/.kafka_cleanshutdown").exists()


def test_a_directory_has_one_broker_and_the_second_names_its_owner(running):
    with pytest.raises(OperationError, match=f"in use by the broker of process {os.getpid()}"):
        EmbeddedBroker(data_dir_of(running)).start()

    assert answers(running.bootstrap_servers)


def test_a_port_in_use_is_one_clear_line(run):
    with socket.create_server(("127.0.0.1", free_port())) as server:
        port = server.getsockname()[1]
        command = run("--port", str(port))
        output, _ = command.process.communicate(timeout=START_S)

    assert command.process.returncode == 1
    assert output == (f"hookline: port {port} is taken: give the broker another --port, or none\n")


def test_a_cold_machine_without_network_is_one_clear_line(run, tmp_path):
    nowhere = f"http://127.0.0.1:{free_port()}"
    command = run(HTTPS_PROXY=nowhere, HTTP_PROXY=nowhere, XDG_CACHE_HOME=str(tmp_path / "cache"))
    output, _ = command.process.communicate(timeout=START_S)

    assert command.process.returncode == 1
    assert "cannot fetch" in output
    assert "HOOKLINE_BOOTSTRAP_SERVERS" in output
    assert "Traceback" not in output


def test_a_warm_machine_needs_no_network(run):
    nowhere = f"http://127.0.0.1:{free_port()}"
    command = run(HTTPS_PROXY=nowhere, HTTP_PROXY=nowhere)

    servers, _ = command.wait_until_running()

    assert answers(servers)


def test_any_path_will_do_in_any_locale_and_javas_own_variables_change_nothing(run):
    command = run(data_dir="d\u00e4t\u00e4, x:y", LC_ALL="C", JAVA_TOOL_OPTIONS="-Xmx4m")

    servers, _ = command.wait_until_running()

    assert answers(servers)


def test_others_find_the_broker_of_a_data_directory(tmp_path, running):
    found = with_running_broker(Settings(data_dir=data_dir_of(running)))
    nothing_there = Settings(data_dir=tmp_path)
    given = settings_for("elsewhere:1", data_dir=data_dir_of(running))

    assert found.bootstrap_servers == running.bootstrap_servers
    assert with_running_broker(nothing_there) == nothing_there
    assert with_running_broker(given) == given


def data_dir_of(embedded: EmbeddedBroker) -> Path:
    """Where a running broker's data is, by what Java was started in."""
    return Path(psutil.Process(embedded.kafka_pid).cwd()).parent


def test_a_broker_file_of_a_killed_owner_is_not_believed(tmp_path):
    stale = {"bootstrap_servers": "127.0.0.1:1", "pid": 1, "kafka_pid": os.getpid()}
    (tmp_path / "broker.json").write_text(json.dumps(stale))

    assert running_broker(tmp_path) is None


def test_a_command_that_ignores_the_request_to_end_is_killed(tmp_path):
    (tmp_path / "lock").touch()
    descriptor = os.open(tmp_path / "lock", os.O_RDWR)
    stubborn = "import signal,time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    command = [sys.executable, "-c", f"{stubborn}; time.sleep(600)"]
    output = tmp_path / "output"
    guarded = Guarded(
        command, directory=tmp_path, output=output, inherited=descriptor, stop_timeout_s=0.5
    )
    os.close(descriptor)
    eventually(output.read_bytes, END_S)
    pid = guarded.pid

    assert guarded.stop() == 128 + signal.SIGKILL

    assert is_gone(pid)
