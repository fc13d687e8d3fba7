"""What can be ordered of a replay."""

import pytest

from tests.support.builders import NOW_MS, a_replay
from tests.support.faults import faults_of

SPAN = {"from_ms": NOW_MS - 1, "to_ms": NOW_MS}


def selecting(**given):
    return faults_of(lambda: a_replay(selection={**SPAN, **given}))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"from_ms": NOW_MS}, "to_ms"),
        ({"source": "activities", "reasons": ["timeout"]}, "reasons"),
        ({"source": "activities", "statuses": [500]}, "statuses"),
        ({"only_missed": True}, "only_missed"),
    ],
)
def test_a_selection_whose_parts_do_not_fit_is_refused_by_name(given, field):
    assert list(selecting(**given)) == [f"selection.{field}"]


def test_what_fits_is_taken():
    assert a_replay(selection={**SPAN, "source": "activities", "only_missed": True})
    assert a_replay(selection={**SPAN, "reasons": ["timeout"], "statuses": [500]})


@pytest.mark.parametrize(
    ("state", "is_under_way"),
    [("planning", True), ("planned", False), ("running", True), ("done", False)],
)
def test_what_is_planning_or_running_is_under_way(state, is_under_way):
    assert a_replay(state=state).is_under_way is is_under_way
