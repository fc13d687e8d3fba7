"""Guards of the history: which of two rows counts, where reading begins, and what is removed."""

# ruff: noqa: SLF001 - guards are kept in private

from __future__ import annotations

from agents.history import retention, writing
from agents.history.writing import Rows
from agents.recorder import placing
from agents.recorder.keeping import Keeper
from pipeline import history
from pipeline.recording import Start
from tests.mutations.guards import guard

HISTORY = "tests/unit/pipeline/test_history.py::"
WRITING = "tests/agents/test_history_writing.py::"
PARTS = "tests/agents/test_recorder_parts.py::"


@guard(
    "A row replaces another only if it counts more, whichever comes first.",
    f"{WRITING}test_any_order_and_any_repetition_leaves_the_same_history[sqlite]",
)
def replace_every_row_by_the_next() -> None:
    """The row that is written last counts."""
    writing._counts_more = lambda _table, _given: None
    for name, insert in writing._INSERTS.items():
        tables = writing._UPSERTS[name]
        writing._UPSERTS[name] = {table: writing._statement(insert, table) for table in tables}


@guard(
    "The snapshot with the later sequence counts, whenever its record comes.",
    f"{HISTORY}test_a_later_snapshot_counts_by_its_sequence_before_its_time",
)
def go_by_the_time_of_a_snapshots_record() -> None:
    """The snapshot whose record is the latest counts."""
    history.activity_rank = lambda _event, place: history._where(place)


@guard(
    "That a delivery has ended outlasts what comes late of it.",
    f"{HISTORY}test_of_a_delivery_the_latest_run_counts_then_its_end_then_how_far_it_came",
)
def take_back_the_end_of_a_delivery() -> None:
    """The record of the furthest attempt counts, though another has ended the delivery."""
    rank = history.delivery_rank
    run, ends = 19, 2  # digits of the run, and whether it has ended and was delivered

    def by_attempt(attempt, place):
        whole = rank(attempt, place)
        return whole[:run] + whole[run + ends :]

    history.delivery_rank = by_attempt


@guard(
    "A record that the database refuses keeps none of its neighbours out.",
    f"{PARTS}test_a_record_that_the_database_refuses_keeps_none_of_its_neighbours_out[sqlite]",
)
def pass_over_the_neighbours_of_a_refused_record() -> None:
    """The whole batch is passed over."""
    Keeper._keep_apart = lambda self, records, _error: self._write(records, Rows())


@guard(
    "A history that was emptied is filled again.",
    f"{PARTS}test_a_history_that_was_emptied_is_noticed_with_a_write_and_without[sqlite]",
)
def believe_that_the_history_is_as_we_left_it() -> None:
    """Where the history stands is not looked at again."""
    Keeper.moved = lambda _self: set()


@guard(
    "A topic that ends before our place is another, and is read from its beginning.",
    f"{PARTS}test_a_topic_that_was_made_anew_is_read_from_its_beginning[sqlite]",
)
def wait_at_a_place_that_the_topic_does_not_have() -> None:
    """Reading goes on at our place, whatever the topic has."""
    placing.start_of = lambda place, low, _high: Start(low if place is None else place)


@guard(
    "The content of an activity goes with it.",
    f"{WRITING}test_bodies_go_before_the_rest_and_nothing_goes_too_soon[sqlite]",
)
def forget_the_contents_of_what_is_removed() -> None:
    """Of an old activity only the row is removed."""
    retention._WITH.clear()
