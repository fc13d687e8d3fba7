"""The receiver of chaos runs: what it answers, and that it has everything on paper before."""

from __future__ import annotations

import http.client
import socket

import pytest

from tests.chaos.arrivals import a_receiver, webhooks_for
from tests.chaos.upstream import owners
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    with a_receiver(tmp_path_factory.mktemp("receiver")) as made:
        yield made


def post(receiver, path, delivery="d", timeout_s=5.0):
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=timeout_s)
    try:
        headers = {"webhook-id": delivery, "webhook-timestamp": "1700000000"}
        connection.request("POST", path, b"{}", headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers
    finally:
        connection.close()


def last(receiver):
    """The last request, and how it was answered, once that is on paper."""

    def paired():
        receiver.read()
        request = receiver.requests[-1]
        return request.number in receiver.answers and request

    request = eventually(paired, 5)
    return request, receiver.answers[request.number].how


def test_every_request_is_on_paper_with_what_tells_it_from_others(receiver):
    assert post(receiver, "/w1/fine", "d1")[0] == 200

    request, how = last(receiver)
    assert (request.webhook, request.delivery_id, request.stamp) == ("w1", "d1", 1_700_000_000)
    assert how == "200"
    assert "d1" in receiver.delivered


@pytest.mark.parametrize(("path", "status"), [("never", 500), ("gone", 410), ("nothing", 404)])
def test_some_endpoints_always_refuse(receiver, path, status):
    assert post(receiver, f"/w/{path}", path)[0] == status
    assert last(receiver)[1] == str(status)
    assert path not in receiver.delivered


def test_some_fail_the_first_requests_of_each_delivery(receiver):
    assert [post(receiver, "/w/fails/2", "f1")[0] for _ in range(3)] == [500, 500, 200]
    assert post(receiver, "/w/fails/2", "f2")[0] == 500


def test_a_busy_one_says_when_to_come_again(receiver):
    status, headers = post(receiver, "/w/busy/1", "b1")

    assert (status, headers["retry-after"]) == (503, "4")
    assert post(receiver, "/w/busy/1", "b1")[0] == 200


def test_one_that_flaps_is_switched_from_outside(receiver):
    receiver.flap(up=False)
    with pytest.raises(ConnectionError):
        post(receiver, "/w/flap")
    assert last(receiver)[1] == "reset"
    receiver.flap(up=True)

    assert post(receiver, "/w/flap")[0] == 200


def test_one_that_hangs_is_left_and_that_is_on_paper_too(receiver):
    with pytest.raises(TimeoutError):
        post(receiver, "/w/hang", timeout_s=0.5)

    assert last(receiver)[1] == "left"


def test_one_that_drips_begins_an_answer_and_never_comes_to_its_end(receiver):
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as connection:
        connection.sendall(b"POST /w/drip HTTP/1.1\r\nWebhook-Id: drip\r\n\r\n")
        came = b"".join(connection.recv(1_000) for _ in range(3))

    assert came.startswith(b"HTTP/1.1 200 OK")
    assert last(receiver)[1] == "left"


def test_requests_in_pieces_and_on_one_connection_are_told_apart(receiver):
    count = len(receiver.requests)
    with socket.create_connection(("127.0.0.1", receiver.port)) as connection:
        for number in range(2):
            head = f"POST /w/fine HTTP/1.1\r\nWebhook-Id: p{number}\r\nContent-Length: 4\r\n\r\n"
            connection.sendall(head.encode() + b"ab")
            connection.sendall(b"cd")
            assert connection.recv(1_000).startswith(b"HTTP/1.1 200")
    receiver.read()

    assert [it.delivery_id for it in receiver.requests[count:]][-2:] == ["p0", "p1"]


def test_the_webhooks_of_a_run_share_some_events_and_most_are_fine(receiver):
    webhooks = webhooks_for(receiver.port)
    sharing = [len(ids) for ids in owners(webhooks).values()]

    assert set(sharing) == {1, 2, 3}
    fine = [it for it in webhooks if it.id.startswith("fine")]
    assert len(fine) / len(webhooks) > 0.8
