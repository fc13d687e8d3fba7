"""Where a recorder begins to read a partition."""

import pytest

from pipeline.recording import Start, start_of


@pytest.mark.parametrize(
    ("place", "low", "high", "start"),
    [
        (None, 0, 9, Start(0)),
        (None, 4, 9, Start(4)),
        (0, 0, 0, Start(0)),
        (5, 4, 9, Start(5)),
        (9, 4, 9, Start(9)),
    ],
    ids=["never written", "begins later", "empty", "in between", "at the end"],
)
def test_it_begins_where_the_history_stands_or_where_the_topic_begins(place, low, high, start):
    assert start_of(place, low, high) == start


def test_what_was_removed_unread_is_counted():
    assert start_of(3, 7, 9) == Start(7, removed=4)


def test_a_topic_that_ends_before_our_place_is_read_from_its_beginning():
    assert start_of(10, 2, 9) == Start(2, is_anew=True)
