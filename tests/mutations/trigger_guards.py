"""Guards of triggers: what ends a loop, and that one cause asks for one thing."""

# ruff: noqa: SLF001 - guards are kept in private

from __future__ import annotations

from itertools import count

from pipeline import matching, trigger_actions, triggering
from tests.mutations.guards import guard

TRIGGERING = "tests/unit/pipeline/test_triggering.py::"
FAILURES = "tests/unit/pipeline/test_failure_triggers.py::"
JOBS = "tests/unit/pipeline/test_triggered_jobs.py::"


@guard(
    "A trigger that led somewhere is not run again by what comes of it.",
    f"{FAILURES}test_the_failure_of_a_webhook_that_its_own_trigger_ran_triggers_it_no_more",
)
def run_a_trigger_again() -> None:
    """A trigger is not looked for in the chain."""
    triggering.trigger_link = lambda _trigger_id: "nobody"


@guard(
    "With three triggers in its chain, nothing is triggered any more.",
    f"{TRIGGERING}test_at_its_depth_a_chain_has_an_end",
)
def trigger_without_end() -> None:
    """A chain may be as long as it likes."""
    triggering.is_at_its_end = lambda _chain: False


@guard(
    "One cause asks for one thing, however often it is read.",
    f"{TRIGGERING}test_a_resend_asks_for_the_same_and_another_cause_for_something_else",
)
def draw_the_ids_of_notices() -> None:
    """The id of a notice is another one each time."""
    numbers = count()
    trigger_actions.notice_id = lambda *_: f"nt_{next(numbers)}"


@guard(
    "An attempt that is the first and the last to fail runs a failure trigger once.",
    f"{FAILURES}test_an_attempt_that_is_the_first_and_the_last_to_fail_runs_it_once",
)
def tell_of_one_failure_twice() -> None:
    """A trigger for every failure is run at each record of one."""
    of_stage = triggering.is_run_at
    triggering.is_run_at = lambda asked, failure: asked.on == "every" or of_stage(asked, failure)


@guard(
    "What a webhook misses after it was disabled automatically is on record.",
    f"{JOBS}test_a_webhook_that_was_disabled_automatically_has_what_it_misses_recorded",
)
def forget_what_a_disabled_webhook_misses() -> None:
    """Only what is called has a job."""
    matching._is_owed = lambda event, held: matching._reason(event, held) == "fired"
