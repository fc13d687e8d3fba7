"""What comes as a whole has its end with it."""

from pipeline.form_events import with_end
from tests.support.builders import an_event


def test_a_form_is_followed_by_its_end_with_the_same_activity():
    form = an_event("form", occurred_at="2026-05-01T23:48:05Z")
    first, last = with_end(form)
    assert first == form
    assert last.phase == "end"
    assert last.event_id != form.event_id
    assert (last.key, last.activity) == (form.key, form.activity)
    assert last.occurred_at == form.occurred_at


def test_a_resend_is_followed_by_the_same_end_and_another_form_by_another():
    form, other = an_event("form"), an_event("form", event_id="another")
    assert with_end(form) == with_end(form)
    assert with_end(form)[1].event_id != with_end(other)[1].event_id


def test_an_end_is_not_ended_twice():
    end = an_event("end")
    assert with_end(end) == (end,)
