"""Reading events line by line: bounded, and with every fault."""

import io
import json

from agents.publish.lines import Line, read_lines
from schemas.event import EVENT_BYTES_MAX

GOOD = b'{"account_id": 25, "phase": "End", "activity": {"id": 1}}'


def read(data: bytes) -> list[Line]:
    return list(read_lines(io.BytesIO(data)))


def test_a_line_keeps_its_own_bytes():
    (line,) = read(GOOD + b"\r\n")

    assert line.data == GOOD
    assert line.event is not None
    assert line.event.phase == "end"


def test_blank_lines_are_passed_and_counted():
    assert [line.number for line in read(b"\n" + GOOD + b"\n  \n" + GOOD)] == [2, 4]


def test_all_faults_of_a_line_are_found():
    (line,) = read(b'{"phase": "nope", "activity": {}}')

    assert [fault.field for fault in line.faults] == ["account_id", "phase", "activity.id"]


def test_a_line_that_is_too_long_is_refused_and_the_next_one_read():
    long = json.dumps({"activity": "x" * 2 * EVENT_BYTES_MAX}).encode()

    refused, good = read(long + b"\n" + GOOD)

    assert refused.event is None
    assert f"{len(long)} bytes" in refused.faults[0].message
    assert good.event is not None


def test_the_longest_event_is_read():
    room = EVENT_BYTES_MAX - len(GOOD) - len(b', "x": ""')
    longest = GOOD[:-2] + b', "x": "' + b"x" * room + b'"}}'
    assert len(longest) == EVENT_BYTES_MAX

    assert read(longest + b"\r\n")[0].event is not None
