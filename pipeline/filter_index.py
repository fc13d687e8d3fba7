"""Which of many filters may accept an activity, without asking each of them.

A group of a filter in which a field must equal something holds for no activity that has something
else there. So each filter is entered under such a condition of each of its groups, and is found by
the values that an activity has. A filter with a group that has no such condition is found always.
What is found may accept the activity and has yet to be asked; what is not found would not accept.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pipeline.comparisons import Likeness, likenesses
from pipeline.fields import ActivityField, elements
from pipeline.filters import CompiledFilter, Condition

_T = TypeVar("_T")
_Place = tuple[ActivityField, Likeness]


class FilterIndex(Generic[_T]):
    """Things by name, each with a filter."""

    def __init__(self) -> None:
        """Begin empty."""
        self._always: dict[str, _T] = {}
        self._by_field: dict[ActivityField, dict[Likeness, dict[str, _T]]] = {}
        self._places: dict[str, list[_Place]] = {}

    def add(self, name: str, thing: _T, filter_: CompiledFilter) -> None:
        """Enter a thing under a name that is not in use."""
        places = self._places_for(filter_)
        if places is None:
            self._always[name] = thing
            return
        self._places[name] = places
        for field, likeness in places:
            self._by_field.setdefault(field, {}).setdefault(likeness, {})[name] = thing

    def remove(self, name: str) -> None:
        """Take out what stands under a name."""
        self._always.pop(name, None)
        for field, likeness in self._places.pop(name, ()):
            by_value = self._by_field[field]
            by_value[likeness].pop(name, None)
            if not by_value[likeness]:
                del by_value[likeness]
            if not by_value:
                del self._by_field[field]

    def found(self, activity: dict[str, Any]) -> tuple[_T, ...]:
        """The things whose filters may accept an activity, each of them once."""
        found = dict(self._always)
        for field, by_value in self._by_field.items():
            for value in _values(field, activity):
                for likeness in likenesses(value, is_phone=field.is_phone):
                    found |= by_value.get(likeness, {})
        return tuple(found.values())

    def _places_for(self, filter_: CompiledFilter) -> list[_Place] | None:
        """Where a filter is to be found; None when it may accept anything."""
        places: dict[_Place, None] = {}
        for group in filter_.groups:
            choices = [_places_of(it) for it in group if it.wanted is not None]
            if not choices:
                return None
            # Where the fewest are found already: what most have in common does not part them.
            least_crowded = min(choices, key=self._crowd)
            places |= dict.fromkeys(least_crowded)
        return list(places) if filter_.groups else None

    def _crowd(self, places: list[_Place]) -> int:
        return sum(len(self._by_field.get(field, {}).get(it, ())) for field, it in places)


def _places_of(condition: Condition) -> list[_Place]:
    field = condition.field
    return [
        (field, likeness)
        for value in condition.wanted or ()
        for likeness in likenesses(value, is_phone=field.is_phone)
    ]


def _values(field: ActivityField, activity: dict[str, Any]) -> list[Any]:
    value = field.find(activity)
    if field.is_set:
        value = elements(value)
    return value if isinstance(value, list) else [value]
