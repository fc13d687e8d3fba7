"""What a mutation is: one guard broken on purpose, and the tests that have to notice.

The list is in modules beside this one, by who keeps the guard: `sender_guards`, `matcher_guards`,
`kafka_guards`, `recorder_guards`, `audit_guards`, `trigger_guards`, `inbound_guards`,
`mapping_guards`. A mutation replaces an attribute of the code that runs; nothing in that code knows
of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """A rule, how it is broken, and the tests (pytest's node ids) that fail when it is."""

    name: str
    rule: str
    mutation: str
    break_it: Callable[[], None]
    killed_by: tuple[str, ...]
    is_slow: bool = False


GUARDS: dict[str, Guard] = {}


def guard(
    rule: str, *killed_by: str, is_slow: bool = False
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Put a mutation on the list: its name is the function's, what it does the docstring's."""

    def add(break_it: Callable[[], None]) -> Callable[[], None]:
        name = break_it.__name__.replace("_", "-")
        says = (break_it.__doc__ or "").strip()
        GUARDS[name] = Guard(name, rule, says, break_it, killed_by, is_slow)
        return break_it

    return add
