"""A POST that is sent again: answered as before, and bounded in what is kept."""

import pytest

from agents.api.idempotency import (
    KEPT_MS,
    REPLIES_MAX,
    REPLY_BYTES_MAX,
    ReplyMemory,
    StoredReply,
    token_of,
)
from agents.api.problems import Problem

REPLY = StoredReply(201, b'{"id": 1}', ())


def a_token(name="once", body=b"{}", key_id="hk25-a", path="/webhooks"):
    return token_of(name, key_id, path, body)


def test_the_same_request_is_answered_as_before():
    memory = ReplyMemory()
    assert memory.begin(a_token(), 0) is None
    memory.finish(a_token(), REPLY)

    assert memory.begin(a_token(), 1) is REPLY


@pytest.mark.parametrize("other", [{"body": b"[]"}, {"path": "/accounts"}])
def test_a_name_that_another_request_had_is_refused(other):
    memory = ReplyMemory()
    memory.begin(a_token(), 0)

    with pytest.raises(Problem, match="invalid"):
        memory.begin(a_token(**other), 1)


def test_names_of_different_keys_are_different():
    memory = ReplyMemory()
    memory.begin(a_token(), 0)

    assert memory.begin(a_token(key_id="hk25-b"), 0) is None


def test_a_request_that_is_being_carried_out_is_not_begun_again():
    memory = ReplyMemory()
    memory.begin(a_token(), 0)

    with pytest.raises(Problem, match="conflict"):
        memory.begin(a_token(), 1)


def test_what_did_not_succeed_may_be_tried_again():
    memory = ReplyMemory()
    memory.begin(a_token(), 0)
    memory.forget(a_token())

    assert memory.begin(a_token(body=b"[]"), 1) is None


def test_an_answer_is_kept_for_a_day():
    memory = ReplyMemory()
    memory.begin(a_token(), 0)
    memory.finish(a_token(), REPLY)

    assert memory.begin(a_token(), KEPT_MS) is REPLY
    assert memory.begin(a_token(), KEPT_MS + 1) is None


def test_beyond_so_many_the_oldest_answers_are_forgotten():
    memory = ReplyMemory()
    for number in range(REPLIES_MAX + 1):
        memory.begin(a_token(f"n{number}"), number)
        memory.finish(a_token(f"n{number}"), REPLY)

    assert memory.begin(a_token(f"n{REPLIES_MAX}"), REPLIES_MAX) is REPLY
    assert memory.begin(a_token("n0"), REPLIES_MAX) is None


def test_beyond_so_many_bytes_the_oldest_answers_are_forgotten():
    memory = ReplyMemory()
    half = StoredReply(201, bytes(REPLY_BYTES_MAX // 2 + 1), ())
    for number, name in enumerate(["a", "b"]):
        memory.begin(a_token(name), number)
        memory.finish(a_token(name), half)

    assert memory.begin(a_token("b"), 2) is half
    assert memory.begin(a_token("a"), 2) is None


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 201, "a\n"])
def test_a_name_of_another_form_is_a_fault_of_the_header(name):
    with pytest.raises(Problem) as raised:
        a_token(name)

    assert (raised.value.status, raised.value.errors[0].field) == (400, "Idempotency-Key")


def test_a_request_without_a_name_is_nothing_to_remember():
    assert a_token(None) is None
