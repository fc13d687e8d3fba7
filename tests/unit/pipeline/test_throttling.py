"""Messages about a failing webhook: the first is sent, the rest counted, nothing twice."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.throttling import (
    ended,
    is_empty,
    is_throttled,
    judged,
    next_end_ms,
    read_again,
    told,
)
from schemas.notifier_state import WINDOWS_MAX, Disabling, NotifierState
from tests.support.builders import NOW_MS, a_failure, a_notice

THROTTLE_MS = 900_000
NOTHING = NotifierState(account_id=25, webhook_id="crm")
OTHER_EMAIL = {"type": "email", "to": ["it@example.com"], "subject": "{{id}}", "template": "{{id}}"}


def ask(state, notice, offset=0, now_ms=NOW_MS):
    return judged(state, notice, offset=offset, now_ms=now_ms, throttle_ms=THROTTLE_MS)


def look(state, now_ms):
    return ended(state, now_ms=now_ms, throttle_ms=THROTTLE_MS)


def close(state, now_ms):
    """Look, and have written what there was to tell."""
    found = look(state, now_ms)
    return found.summaries, told(found.state, found.summaries)


def notice(number: int, **more):
    return a_notice(notice_id=f"nt_{number}", **more)


def test_only_first_attempts_of_messages_about_a_failing_webhook_are_throttled():
    assert is_throttled(notice(1))
    assert not is_throttled(notice(1, attempt=2))
    assert not is_throttled(notice(1, kind="summary", count=3))
    assert not is_throttled(notice(1, webhook_id=None, failure=None))


def test_the_first_is_sent_and_what_follows_is_counted_until_a_summary_tells_of_it():
    state = ask(NOTHING, notice(1)).state
    for number in range(2, 501):
        found = ask(state, notice(number), offset=number, now_ms=NOW_MS + number)
        assert found.verdict == "counted"
        state = found.state

    assert look(state, NOW_MS + THROTTLE_MS - 1) == look(state, NOW_MS)
    (summary,) = look(state, NOW_MS + THROTTLE_MS).summaries

    assert (summary.kind, summary.count, summary.since_ms) == ("summary", 499, NOW_MS)
    assert (summary.webhook_id, summary.failure.status) == ("crm", 503)
    assert summary.action == notice(1).action


def test_a_window_without_a_count_ends_the_matter():
    state = ask(NOTHING, notice(1)).state
    assert next_end_ms(state) == NOW_MS + THROTTLE_MS

    after = look(state, NOW_MS + THROTTLE_MS)

    assert after.summaries == ()
    assert is_empty(after.state)
    assert next_end_ms(after.state) is None
    assert not is_empty(
        after.state.model_copy(update={"disabling": Disabling(since_ms=1, step=50)})
    )


def test_after_a_summary_the_next_window_is_open():
    state = ask(ask(NOTHING, notice(1)).state, notice(2), 1).state
    at_ms = NOW_MS + THROTTLE_MS
    _, after = close(state, at_ms)

    assert ask(after, notice(3), 2, at_ms + 1).verdict == "counted"
    assert look(after, at_ms + THROTTLE_MS).summaries == ()


def test_a_failure_after_the_window_and_before_anybody_looked_is_the_first_of_a_new_one():
    state = ask(NOTHING, notice(1)).state

    found = ask(state, notice(2), 1, NOW_MS + THROTTLE_MS)

    assert (found.verdict, found.state.windows[0].opened_by) == ("send", "nt_2")


def test_a_failure_after_a_window_with_a_count_is_one_more_for_its_summary():
    state = ask(ask(NOTHING, notice(1)).state, notice(2), 1).state

    found = ask(state, notice(3), 2, NOW_MS + THROTTLE_MS)

    assert (found.verdict, found.state.windows[0].count) == ("counted", 2)


def test_a_summary_is_remembered_before_it_is_written_and_says_the_same_after_a_crash():
    state = ask(ask(NOTHING, notice(1)).state, notice(2), 1).state
    first = look(state, NOW_MS + THROTTLE_MS)
    assert next_end_ms(first.state) == 0

    more = ask(first.state, notice(3), 2, NOW_MS + THROTTLE_MS + 5).state
    again = look(more, NOW_MS + THROTTLE_MS + 9)

    assert again.summaries == first.summaries
    (after,) = told(again.state, again.summaries).windows
    assert (after.due, after.count) == (None, 1)
    assert told(again.state, ()) == again.state


def test_a_summary_that_is_still_to_be_written_keeps_its_window_open():
    state = ask(ask(NOTHING, notice(1)).state, notice(2), 1).state
    waiting = look(state, NOW_MS + THROTTLE_MS).state
    much_later_ms = NOW_MS + 3 * THROTTLE_MS

    assert look(waiting, much_later_ms).state == waiting
    assert ask(waiting, notice(3), 2, much_later_ms).verdict == "counted"


def test_what_is_read_again_after_a_crash_is_neither_counted_nor_lost():
    state = ask(ask(NOTHING, notice(1), 7).state, notice(2), 8).state

    assert ask(state, notice(1), 7) == ask(state, notice(1), 7, NOW_MS + 5)
    assert ask(state, notice(1), 7).verdict == "send"
    assert ask(state, notice(2), 8).verdict == "known"
    assert ask(state, notice(2), 8).state == state
    assert ask(state, notice(3), 9).verdict == "counted"


def test_a_topic_that_was_made_anew_is_counted_from_its_beginning():
    state = ask(ask(NOTHING, notice(1), 700).state, notice(2), 800).state

    assert read_again(state, 801) == state
    assert ask(read_again(state, 5), notice(3), 5).verdict == "counted"


def test_each_action_has_a_window_of_its_own_wherever_it_stands():
    state = ask(NOTHING, notice(1)).state
    other = notice(2, action=OTHER_EMAIL)

    found = ask(state, other, 1)

    assert found.verdict == "send"
    assert (found.state.windows[1].action.subject, found.state.windows[1].action.template) == (
        "",
        None,
    )
    text = ask(found.state, notice(3, action={"type": "text", "to": ["+13035550100"]}), 2)
    assert (text.verdict, len(text.state.windows)) == ("send", 3)


def test_more_windows_than_are_kept_close_the_oldest():
    state = NOTHING
    for number in range(WINDOWS_MAX + 1):
        action = {"type": "email", "to": [f"it{number}@example.com"]}
        state = ask(state, notice(number, action=action), number, NOW_MS + number).state

    assert len(state.windows) == WINDOWS_MAX
    assert state.windows[0].opened_by == "nt_1"


@given(st.lists(st.integers(min_value=0, max_value=2 * THROTTLE_MS), max_size=30))
def test_every_failure_is_told_of_once_in_a_message_or_in_a_count(gaps_ms):
    """Whatever the times, messages and counts add up, and are a throttle's time apart."""
    state, now_ms, told_of, sent_ms = NOTHING, NOW_MS, 0, []
    for offset, gap_ms in enumerate([*gaps_ms, *[THROTTLE_MS] * 2]):
        now_ms += gap_ms
        summaries, state = close(state, now_ms)
        told_of += sum(each.count for each in summaries)
        sent_ms += [now_ms] * len(summaries)
        if offset < len(gaps_ms):
            found = ask(state, notice(offset, failure=a_failure_told(offset)), offset, now_ms)
            state = found.state
            told_of += found.verdict == "send"
            sent_ms += [now_ms] * (found.verdict == "send")

    assert told_of == len(gaps_ms)
    assert all(b - a >= THROTTLE_MS for a, b in pairwise(sent_ms))


def a_failure_told(number: int):
    failure = a_failure(at_ms=NOW_MS + number)
    fields = failure.model_dump(include={"stage", "at_ms", "attempts", "reason", "status"})
    return {**fields, "delivery_id": f"dl_{number}"}
