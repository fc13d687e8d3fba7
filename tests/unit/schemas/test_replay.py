"""A replay's selection: which of its parts go together."""

import pytest

from tests.support.builders import a_replay
from tests.support.faults import faults_of


@pytest.mark.parametrize(
    ("selection", "field"),
    [
        ({"from_ms": 5, "to_ms": 5}, "to_ms"),
        ({"from_ms": 1, "to_ms": 2, "source": "activities", "reasons": ["5xx"]}, "reasons"),
        ({"from_ms": 1, "to_ms": 2, "source": "activities", "statuses": [500]}, "reasons"),
        ({"from_ms": 1, "to_ms": 2, "only_missed": True}, "only_missed"),
        ({"from_ms": 1, "to_ms": 2, "statuses": [99]}, "statuses[0]"),
        ({"from_ms": 1, "to_ms": 2, "phases": ["lunch"]}, "phases[0]"),
    ],
)
def test_parts_that_do_not_go_together_are_named(selection, field):
    assert list(faults_of(a_replay, selection=selection)) == [f"selection.{field}"]


def test_phases_are_meant_in_any_spelling():
    replay = a_replay(selection={"from_ms": 1, "to_ms": 2, "phases": ["End_Delayed"]})
    assert replay.selection.phases == ("end_delayed",)
