"""What is read from agents' logs as a cause of repeats."""

import json

from tests.chaos.losses import own_incidents
from tests.chaos.repeats import Incident

LOST_S = 1_777_679_285.0


def log_a_loss(directory) -> None:
    entry = {"event": "partitions.lost", "timestamp": "2026-05-01T23:48:05Z"}
    lines = ["WARNING: not JSON", json.dumps({"event": "sender.started"}), json.dumps(entry)]
    (directory / "sender1.1.log").write_text("\n".join(lines))


def test_a_membership_that_was_lost_without_a_fault_is_an_incident(tmp_path):
    log_a_loss(tmp_path)
    (found,) = own_incidents(tmp_path, [], [])
    assert (found.cause, found.ended_s) == ("sender: partitions.lost", LOST_S)


def test_one_that_a_fault_explains_is_not(tmp_path):
    log_a_loss(tmp_path)
    fault = Incident("sender_stop", LOST_S - 10, LOST_S - 4)
    assert own_incidents(tmp_path, [(LOST_S, "sender1")], [fault]) == []


def test_an_end_by_itself_is_an_incident(tmp_path):
    (found,) = own_incidents(tmp_path, [(LOST_S, "scheduler2")], [])
    assert found == Incident("scheduler ended by itself", LOST_S, LOST_S)
