"""The story of a delivery, cut short anywhere: never lost by an audit, unless a record is gone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.audit_records import AttemptBrief, JobBrief
from pipeline.auditing import At, Ledger, Seen
from tests.support.builders import NOW_MS

STEPS = st.lists(st.sampled_from(["retry", "defer", "rerun"]), max_size=8)
OUTCOMES = {"retry": "failed", "defer": "deferred", "end": "delivered"}


def a_story(steps):
    """The jobs of a delivery in their order, and between them what is on record of each."""
    rerun, attempt, deferrals, topic = 0, 1, 0, "jobs"
    for step in (*steps, "end"):
        yield job(rerun, attempt, deferrals, topic)
        yield result(rerun, attempt, deferrals, "end" if step == "rerun" else step)
        topic = "jobs.replay" if step == "rerun" else "jobs.retry"
        deferrals = deferrals + 1 if step == "defer" else 0
        attempt += step != "defer"
        rerun += step == "rerun"


def job(rerun, attempt, deferrals, topic):
    brief = JobBrief(
        delivery_id="dl_1",
        rerun=rerun,
        attempt=attempt,
        deferrals=deferrals,
        first_queued_at_ms=NOW_MS,
    )
    return brief, Seen(At(topic, 0, 0))


def result(rerun, attempt, deferrals, step):
    brief = AttemptBrief(
        delivery_id="dl_1",
        rerun=rerun,
        attempt=attempt,
        deferrals=deferrals,
        outcome=OUTCOMES[step],
        next={"step": step},
    )
    return brief, Seen(At("attempts", 0, 0))


def audited(records):
    ledger = Ledger()
    for brief, seen in records:
        (ledger.job if isinstance(brief, JobBrief) else ledger.attempt)(brief, seen)
    return ledger.balance()


@given(STEPS, st.data())
def test_a_story_that_goes_on_is_not_lost_in_whatever_order_it_is_read(steps, data):
    story = list(a_story(steps))
    jobs = [place for place, (brief, _) in enumerate(story) if isinstance(brief, JobBrief)]
    cut = data.draw(st.sampled_from([*jobs, len(story)]))
    there = story[:cut]
    if cut < len(story):  # nobody has taken the job where the story was cut
        brief, seen = story[cut]
        there.append((brief, Seen(seen.at, waits=True)))
    copies = data.draw(st.lists(st.sampled_from(story[:cut]), max_size=3)) if cut else []

    found = audited(data.draw(st.permutations([*there, *copies])))

    assert found.lost == []
    assert (found.deliveries, found.waiting.total()) == (1, int(cut < len(story)))


@given(STEPS)
def test_a_story_whose_rest_is_gone_is_lost_unless_it_had_come_to_an_end(steps):
    story = list(a_story(steps))

    for cut in range(1, len(story) + 1):
        (last, _) = story[cut - 1]
        is_end = isinstance(last, AttemptBrief) and last.next.step == "end"
        assert bool(audited(story[:cut]).lost) is not is_end
