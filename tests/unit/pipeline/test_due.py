"""What a record in a tier says of itself."""

import pytest

from pipeline.due import DESTINATIONS, Due, due_of
from tests.support.faults import faults_of


@pytest.mark.parametrize("to", DESTINATIONS)
def test_a_record_says_when_it_is_due_and_where_to(to):
    headers = {"due-at": "1777679285000", "to": to, "id": "dl_x"}
    assert due_of(headers) == Due(1_777_679_285_000, to)


@pytest.mark.parametrize(
    "at", ["", "soon", "-1", "1.5", " 1", "1e9", "\u0661", "1" * 15, "9" * 5_000]
)
def test_a_time_that_is_none_is_a_fault(at):
    assert list(faults_of(due_of, {"due-at": at, "to": "jobs.retry"})) == ["headers.due-at"]


@pytest.mark.parametrize("to", ["", "jobs", "attempts", "retry.5s", "JOBS.RETRY"])
def test_nothing_leaves_a_tier_for_another_topic(to):
    assert list(faults_of(due_of, {"due-at": "1", "to": to})) == ["headers.to"]


def test_all_faults_are_told_at_once():
    assert list(faults_of(due_of, {})) == ["headers.due-at", "headers.to"]
