"""The books of a chaos run: what is lost, what is a repeat, and what it is put down to."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count

import pytest

from tests.chaos.ledger import Answer, Books, longest_gap, verdict
from tests.chaos.repeats import Incident, Recorded, Request
from tests.chaos.report import as_dict, lines, tell

NUMBERS = count(1)
OK = "200"


def request(delivery="d1", at_s=100.0, port=1, webhook="w"):
    return Request(next(NUMBERS), at_s, webhook, delivery, int(at_s), port)


def record(delivery="d1", at_s=100.1, *, attempt=1, step="end", outcome="delivered"):
    reason = "2xx" if outcome == "delivered" else "timeout"
    return Recorded(delivery, attempt, at_s, int(at_s), outcome, reason, step)


def books(requests=(), records=(), owed=("d1",), answers=..., **more):
    if answers is ...:
        answers = dict.fromkeys((it.number for it in requests), Answer(100.0, OK))
    owed = dict.fromkeys(owed, "w")
    return Books(owed, more.pop("possible", owed), requests, answers, records, **more)


def answered(*pairs):
    return {each.number: Answer(at_s, how) for each, at_s, how in pairs}


def test_a_delivery_that_arrived_once_and_is_on_record_is_all_there_has_to_be():
    found = verdict(books([request()], [record()]))

    assert found.is_good
    assert (found.delivered, len(found.repeats), found.ended) == (1, 0, Counter())


def test_a_delivery_without_success_and_without_an_end_on_record_is_lost():
    retried = record(step="retry", outcome="failed")
    asked = request()

    found = verdict(books([asked], [retried], answers=answered((asked, 100, "500"))))

    assert found.lost == ("d1",)
    assert not found.is_good


def test_a_delivery_that_failed_for_good_is_counted_by_its_reason():
    asked, failed = request(), record(outcome="failed")

    found = verdict(
        books([asked], [failed], answers=answered((asked, 100, "left")), finals=Counter(d1=1))
    )

    assert found.is_good
    assert found.ended == Counter({"failed: timeout": 1})


def test_a_delivery_that_failed_for_good_wants_a_final_failure():
    asked, failed = request(), record(outcome="failed")

    found = verdict(books([asked], [failed], answers=answered((asked, 100, "left"))))

    assert found.unannounced == ("d1",)
    assert not found.is_good


def test_a_dead_letter_is_an_end_with_its_reason():
    found = verdict(books(dead={"d1": "not JSON"}))

    assert found.is_good
    assert found.ended == Counter({"dead letter: not JSON": 1})


def test_what_arrived_and_never_ended_on_record_is_left_open():
    found = verdict(books([request()]))

    assert found.lost == ()
    assert found.open == ("d1",)
    assert not found.is_good


def test_a_success_on_record_that_the_receiver_knows_nothing_of_is_false():
    found = verdict(books([], [record()]))

    assert found.false == ("d1",)
    assert not found.is_good


def test_a_request_that_no_event_asked_for_is_unknown_unless_its_event_was_not_acknowledged():
    asked = [request("d1"), request("d2"), request("d3")]
    records = [record("d1"), record("d2"), record("d3")]

    found = verdict(books(asked, records, possible={"d1": "w", "d2": "w"}))

    assert found.unknown == ("d3",)


def test_attempts_that_follow_each_other_are_no_repeats():
    asked = [request(at_s=100), request(at_s=105), request(at_s=110)]
    records = [
        record(at_s=100.1, step="retry", outcome="failed"),
        record(at_s=105.1, step="retry", outcome="failed", attempt=2),
        record(at_s=110.1, attempt=3),
    ]

    assert verdict(books(asked, records)).repeats == ()


def test_a_request_that_is_not_on_record_was_made_again_by_the_next_that_is():
    asked = [request(at_s=100), request(at_s=103)]

    (repeat,) = verdict(books(asked, [record(at_s=103.1)])).repeats

    assert (repeat.first, repeat.second) == tuple(asked)
    assert not repeat.was_recorded


def test_a_request_after_a_retry_was_written_is_the_next_attempt_though_not_on_record():
    asked = [request(at_s=100), request(at_s=105)]

    found = verdict(books(asked, [record(at_s=100.1, step="retry", outcome="failed")]))

    assert found.repeats == ()


def test_a_record_whose_request_never_arrived_excuses_no_repeat():
    asked = [request(at_s=105), request(at_s=108)]
    records = [
        record(at_s=100.1, step="retry", outcome="failed"),
        record(at_s=108.1, attempt=2),
    ]

    assert len(verdict(books(asked, records)).repeats) == 1


def test_a_repeat_of_what_was_on_record_is_told_apart():
    asked = [request(at_s=100), request(at_s=103)]

    found = verdict(books(asked, [record(at_s=100.1), record(at_s=103.1)]))

    assert len(found.recorded_repeats) == 1


def test_a_repeat_after_a_late_result_was_the_new_owners_to_decide():
    asked = [request(at_s=100), request(at_s=103)]
    records = [record(at_s=100.1, step="late", outcome="failed"), record(at_s=103.1)]

    (repeat,) = verdict(books(asked, records)).repeats

    assert repeat.was_late
    assert not repeat.was_recorded


@pytest.mark.parametrize(
    ("incidents", "cause"),
    [
        ([], "unexplained"),
        ([Incident("kill", 101, 101)], "kill"),
        ([Incident("kill", 104, 104)], "unexplained"),
        ([Incident("earlier", 95, 99)], "earlier"),
        ([Incident("long ago", 50, 60)], "unexplained"),
        ([Incident("at work", 90, 102), Incident("over", 95, 99)], "at work"),
        ([Incident("first", 101, 101), Incident("last", 102, 102)], "last"),
    ],
)
def test_a_repeat_is_put_down_to_the_last_fault_between_or_not_long_before(incidents, cause):
    asked = [request(at_s=100), request(at_s=103)]

    (repeat,) = verdict(books(asked, [record(at_s=103.1)], incidents=incidents)).repeats

    assert repeat.cause == cause


def test_in_flight_at_a_kill_is_what_the_killed_one_had_asked_and_not_recorded():
    kill = Incident("kill", 100.5, 100.5, frozenset({1}))
    asked = [
        request("recorded", 100.0),
        request("waiting", 100.4),
        request("answered", 100.3),
        request("read late", 100.6),
        request("of another sender", 100.4, port=2),
        request("of an old process", 20.0),
    ]
    answers = answered((asked[0], 100.0, OK), (asked[2], 100.4, OK), (asked[1], 100.5, "left"))

    (at_kill,) = verdict(
        books(asked, [record("recorded", 100.1)], answers=answers, incidents=[kill])
    ).kills

    assert (at_kill.unrecorded, at_kill.unanswered) == (3, 2)


def test_a_repeat_is_held_against_the_kill_that_interrupted_its_first_request():
    first = Incident("kill", 100.5, 100.5, frozenset({1}))
    second = Incident("kill", 101.5, 101.5, frozenset({2}))
    asked = [request(at_s=100.4, port=1), request(at_s=103, port=3)]

    found = verdict(books(asked, [record(at_s=103.1)], incidents=[first, second]))

    assert [it.repeats for it in found.kills] == [1, 0]
    assert found.ratio == 1


def test_a_repeat_of_what_was_on_record_is_held_against_the_last_kill():
    kill = Incident("kill", 101, 101, frozenset({1}))
    asked = [request(at_s=100), request(at_s=103, port=3)]
    records = [record(at_s=100.1), record(at_s=103.1)]

    (at_kill,) = verdict(books(asked, records, incidents=[kill])).kills

    assert (at_kill.unrecorded, at_kill.repeats) == (0, 1)


def test_late_results_are_no_ends():
    asked = request()

    found = verdict(
        books(
            [asked], [record(step="late", outcome="failed")], answers=answered((asked, 100, "500"))
        )
    )

    assert (found.late, found.lost) == (1, ("d1",))


def test_jobs_that_were_put_off_are_counted_by_reason_and_are_no_ends():
    found = verdict(books([], [record(step="defer", outcome="deferred")]))

    assert found.deferrals == Counter({"timeout": 1})
    assert found.lost == ("d1",)


def test_the_longest_silence_is_looked_for_while_there_was_load():
    assert longest_gap([1, 2, 7, 8, 50]) == (42, 8)
    assert longest_gap([1, 2, 7, 8, 50], (0, 9)) == (5, 2)
    assert longest_gap([3], (0, 9)) == (6, 3)
    assert longest_gap([]) == (0, 0)


def test_what_is_wrong_is_named_in_the_report_with_its_deliveries():
    text = "\n".join(lines(verdict(books(owed=("dl_gone",)))))

    assert "WRONG lost: 1" in text
    assert "dl_gone" in text


def test_the_report_is_json_where_that_is_asked_for(capsys):
    found = verdict(books([request()], [record()]))

    tell(found, is_json=True, seed=7)

    told = json.loads(capsys.readouterr().out)
    assert told == json.loads(json.dumps({"seed": 7, "good": True, **as_dict(found)}))
    assert (told["lost"], told["delivered"]) == ([], 1)


def test_a_failure_is_printed_with_its_seed_and_what_happened_when(capsys):
    tell(verdict(books()), [Incident("kill", 10, 10), Incident("away", 30, 50)], seed=7)

    told = capsys.readouterr().err
    assert "seed 7" in told
    assert "20.0 s" in told
    assert "away, 20.0 s" in told
