"""A filter decides which activities a webhook is called for. It is compiled once, then only asked.

One of its groups must hold, and a group holds when all of its conditions do. A value that is
missing or null satisfies `not_set` and no other condition: what is not known yet is not known to
differ. On a value that is there `ne`, `not_in` and `not_contains` hold exactly when `eq`, `in` and
`contains` do not. Over a list a condition holds when it does for any element, and its "not" when
that is so for none; an empty list is there, but not `set`, as empty text is. The tags are a set: to
contain a tag is to have it, not to have one that it is a part of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pipeline.comparisons import Test, equals, one_of, ordered, within
from pipeline.fields import ActivityField, activity_field, elements
from pipeline.paths import as_text
from schemas.codec import Fault, Malformed
from schemas.filter import Filter, Rule

# Enough of a value to recognise it: an explanation is read by a person.
SHOWN_CHARACTERS_MAX: Final = 200
SHOWN_ELEMENTS_MAX: Final = 10

_POSITIVE: Final = {"ne": "eq", "not_in": "in", "not_contains": "contains", "not_set": "set"}


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that did not hold: the rule as written and what the activity had instead."""

    rule: Rule
    actual: str | None

    def __str__(self) -> str:
        """One sentence for a person."""
        wanted = "" if self.rule.value is None else f" {_shown(_plain(self.rule.value))}"
        actual = "missing" if self.actual is None else self.actual
        return f"{self.rule.field} {self.rule.op}{wanted} does not hold: it is {actual}"


@dataclass(frozen=True, slots=True)
class Condition:
    """A rule, ready to be asked."""

    rule: Rule
    field: ActivityField
    test: Test
    negated: bool

    @property
    def wanted(self) -> tuple[Any, ...] | None:
        """The values one of which the field must equal; None when it asks for something else."""
        rule = self.rule
        if isinstance(rule.value, tuple):
            return None if self.negated else rule.value
        is_equality = rule.op == "eq" or (rule.op == "contains" and self.field.is_set)
        return (rule.value,) if is_equality else None

    def holds(self, activity: dict[str, Any]) -> bool:
        """Whether the activity is as the rule says."""
        value = self.field.find(activity)
        if value is None:
            return self.rule.op == "not_set"
        if self.field.is_set:
            value = elements(value)
        if isinstance(value, list):
            return any(map(self.test, value)) is not self.negated
        return self.test(value) is not self.negated

    def unmet(self, activity: dict[str, Any]) -> Unmet:
        """Why it does not hold for an activity, of which that is so."""
        return Unmet(self.rule, _actual(self.field.find(activity)))


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """A filter ready to be asked. Without groups it accepts every activity."""

    groups: tuple[tuple[Condition, ...], ...] = ()

    def accepts(self, activity: dict[str, Any]) -> bool:
        """Whether the activity passes; never raises, whatever the activity holds."""
        if not self.groups:
            return True
        return any(all(rule.holds(activity) for rule in group) for group in self.groups)

    def unmet(self, activity: dict[str, Any]) -> tuple[Unmet, ...]:
        """Why the activity does not pass: each group's first condition that does not hold.

        Empty exactly when `accepts` is true.
        """
        found: list[Unmet] = []
        for group in self.groups:
            failed = next((each for each in group if not each.holds(activity)), None)
            if failed is None:
                return ()
            found.append(failed.unmet(activity))
        return tuple(found)


ACCEPTS_ALL: Final = CompiledFilter()


def compile_filter(written: Filter | None) -> CompiledFilter:
    """The filter, ready to be asked; raises `Malformed` with the field path of each bad rule."""
    if written is None:
        return ACCEPTS_ALL
    faults: list[Fault] = []
    groups = [
        [
            condition_of(rule, f"any[{at}].all[{index}]", faults)
            for index, rule in enumerate(group.all)
        ]
        for at, group in enumerate(written.any)
    ]
    if faults:
        raise Malformed(tuple(faults))
    return CompiledFilter(tuple(tuple(filter(None, group)) for group in groups))


def condition_of(rule: Rule, path: str, faults: list[Fault]) -> Condition | None:
    """The rule, ready to be asked; what is wrong with it is added to `faults`, below `path`."""
    try:
        field = activity_field(rule.field)
    except Malformed as malformed:
        faults.extend(Fault(f"{path}.field", fault.message) for fault in malformed.faults)
        return None
    return Condition(rule, field, _test(rule, field), rule.op in _POSITIVE)


def _test(rule: Rule, field: ActivityField) -> Test:
    op = _POSITIVE.get(rule.op, rule.op)
    if op == "set":
        return _is_something
    if op == "eq" or (op == "contains" and field.is_set):
        return equals(rule.value, is_phone=field.is_phone)
    if isinstance(rule.value, tuple):
        return one_of(rule.value, is_phone=field.is_phone)
    if op in {"gt", "gte", "lt", "lte"}:
        return ordered(op, rule.value)
    return within(op, rule.value, is_phone=field.is_phone)


def _is_something(value: object) -> bool:
    return value not in (None, "", {}, [])


def _actual(value: object) -> str | None:
    if isinstance(value, list):
        return f"[{_shown(value)}]"
    if isinstance(value, dict):
        return "an object"
    return None if value is None else _quoted(value)


def _plain(value: object) -> list[object]:
    return list(value) if isinstance(value, tuple) else [value]


def _shown(values: list[Any]) -> str:
    """The first few of `values`: a list in an activity can be as long as it likes."""
    text = ", ".join(_quoted(value) for value in values[:SHOWN_ELEMENTS_MAX])
    return text if len(values) <= SHOWN_ELEMENTS_MAX else f"{text}, …"


def _quoted(value: object) -> str:
    text = as_text(value)
    if text is None:
        return "…"
    text = text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}…"
    return f'"{text}"' if isinstance(value, str) else text
