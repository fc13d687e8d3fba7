"""What the chaos harness's proxies do to connections, on real sockets of the loopback address."""

import socket
import threading
from contextlib import suppress

import pytest

from tests.chaos.proxy import Proxies, Proxy
from tests.chaos.relay import CUT, HALF_OPEN, ONLY_TO_CLIENT, ONLY_TO_SERVER, PASS, delayed
from tests.support.waiting import eventually

TIMEOUT_S = 10
# Nothing can be awaited where nothing shall come: so long is looked whether it does.
LOOK_S = 0.2


class Server:
    """Takes connections; a test talks on both ends of each."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self.listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        """May be called twice."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # ends the thread's wait
        for each in (self.listener, *self.taken):
            each.close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def proxy(server):
    with Proxies() as proxies:
        yield proxies.add(server.port)


@pytest.fixture
def pair(proxy, server):
    client = connect(proxy)
    eventually(lambda: server.taken, TIMEOUT_S)
    yield client, server.taken[0]
    client.close()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT_S)


def read(end: socket.socket, count: int) -> bytes:
    end.settimeout(TIMEOUT_S)
    found = b""
    while len(found) < count and (more := end.recv(count - len(found))):
        found += more
    return found


def is_silent(end: socket.socket) -> bool:
    end.settimeout(LOOK_S)
    try:
        end.recv(1)
    except TimeoutError:
        return True
    return False


def test_bytes_pass_in_both_directions(pair):
    client, server = pair
    client.sendall(b"ping")
    assert read(server, 4) == b"ping"
    server.sendall(b"pong")
    assert read(client, 4) == b"pong"


def test_much_passes_a_slow_reader_whole_and_in_order(pair):
    client, server = pair
    sent = bytes(range(256)) * 40_000
    threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
    assert read(server, len(sent)) == sent


def test_an_end_is_passed_on(pair):
    client, server = pair
    client.close()
    assert read(server, 1) == b""


def test_a_cut_resets_what_exists_and_refuses_what_comes(proxy, pair):
    client, server = pair
    proxy.set(CUT)
    for end in (client, server):
        end.settimeout(TIMEOUT_S)
        with pytest.raises(ConnectionResetError):
            end.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)


@pytest.mark.usefixtures("pair")
def test_after_a_cut_connections_are_taken_on_the_same_port(proxy, server):
    proxy.set(CUT)
    proxy.set(PASS)
    with connect(proxy) as client:
        eventually(lambda: len(server.taken) == 2, TIMEOUT_S)
        client.sendall(b"again")
        assert read(server.taken[1], 5) == b"again"


def test_while_connections_are_refused_nobody_else_can_take_the_port(proxy):
    proxy.set(CUT)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", proxy.port))


def test_half_open_holds_what_exists_until_it_ends(proxy, pair):
    client, server = pair
    proxy.set(HALF_OPEN)
    client.sendall(b"ping")
    server.sendall(b"pong")
    assert is_silent(server)
    assert is_silent(client)
    proxy.set(PASS)
    assert read(server, 4) == b"ping"
    assert read(client, 4) == b"pong"


def test_half_open_accepts_a_new_connection_and_the_server_hears_of_it_later(proxy, server):
    proxy.set(HALF_OPEN)
    with connect(proxy) as client:
        client.sendall(b"hello")
        assert is_silent(client)
        assert server.taken == []
        proxy.set(PASS)
        eventually(lambda: server.taken, TIMEOUT_S)
        assert read(server.taken[0], 5) == b"hello"


@pytest.mark.parametrize(
    ("mode", "is_heard_by_server"), [(ONLY_TO_SERVER, True), (ONLY_TO_CLIENT, False)]
)
def test_one_way_lets_one_direction_flow(proxy, pair, mode, is_heard_by_server):
    client, server = pair
    speaker, listener = (client, server) if is_heard_by_server else (server, client)
    proxy.set(mode)
    speaker.sendall(b"heard")
    listener.sendall(b"held")
    assert read(listener, 5) == b"heard"
    assert is_silent(speaker)
    proxy.set(PASS)
    assert read(speaker, 4) == b"held"


def test_a_delay_keeps_the_order_and_ends_at_once(proxy, pair):
    client, server = pair
    proxy.set(delayed(60_000))
    client.sendall(b"first ")
    assert is_silent(server)
    proxy.set(PASS)
    client.sendall(b"second")
    assert read(server, 12) == b"first second"


def test_a_delay_passes_bytes_on_by_itself(proxy, pair):
    client, server = pair
    proxy.set(delayed(50))
    client.sendall(b"late")
    assert read(server, 4) == b"late"


def test_a_proxy_knows_which_port_the_server_sees_of_a_client(proxy, pair):
    client, server = pair
    ports = frozenset({client.getsockname()[1]})
    assert proxy.ports_behind(ports) == {server.getpeername()[1]}


def test_a_server_that_is_away_resets_the_client(proxy, server):
    server.close()
    with pytest.raises(ConnectionResetError), connect(proxy) as client:  # then, or when it reads
        client.recv(1)
