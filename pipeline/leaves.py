"""The values of a payload, each with a path that finds it and the words that name it.

In a list of named things (`[{"name": "phone", "value": …}]`) a thing is found by its name, as the
order of answers changes from one form to the next. A list of plain values is one value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from pipeline.own_names import quoted
from pipeline.paths import PATH_CHARACTERS_MAX, STEPS_MAX, as_text

# A sample with more is a catalogue, not a form.
LEAVES_MAX: Final = 2_000

# What things in lists are called by, the best first.
_LABELS: Final = (
    *("name", "key", "label", "title", "question", "field", "field_name", "fieldName"),
    *("column_id", "column_name", "code", "slug", "ref", "id", "type"),
)
# Beside one of these it is the name of a value, and not a value itself.
_VALUES: Final = frozenset(
    {"value", "values", "answer", "answers", "text", "content", "response", "string_value"}
)
_PLAIN: Final = re.compile(r"[\w$@:-]+")
_LABEL_CHARACTERS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value: its path, and the names that lead to it, the outermost first."""

    path: str
    names: tuple[str, ...]
    value: Any


@dataclass(frozen=True, slots=True)
class _Place:
    path: str = ""
    names: tuple[str, ...] = ()
    steps: int = 0

    def named(self, name: str) -> _Place:
        """The place of a key in the object here."""
        dot = "." if self.path else ""
        step = f"{dot}{name}" if _PLAIN.fullmatch(name) else quoted(name)
        return _Place(f"{self.path}{step}", (*self.names, name), self.steps + 1)

    def picked(self, key: str, label: str) -> _Place:
        """The place of a thing in the list here."""
        step = f"[{key}={label if _PLAIN.fullmatch(label) else quoted(label)[1:-1]}]"
        return _Place(f"{self.path}{step}", (*self.names, label), self.steps + 1)

    def at(self, index: int) -> _Place:
        """The place of an element in the list here, which has no name."""
        return _Place(f"{self.path}[{index}]", self.names, self.steps + 1)


def leaves_of(payload: dict[str, Any]) -> list[Leaf]:
    """The first values of a payload, in its order; those too deep for a path are left out."""
    found: list[Leaf] = []
    for leaf in _leaves(payload, _Place()):
        found.append(leaf)
        if len(found) == LEAVES_MAX:
            break
    return found


def _leaves(value: object, place: _Place) -> Iterator[Leaf]:
    if len(place.path) > PATH_CHARACTERS_MAX or place.steps > STEPS_MAX:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            here = place.named(name)
            called = _labels(inner) if name.isdecimal() else []
            if called:  # a list whose positions are names, as forms with brackets have them
                yield from _leaves(*_named(inner, called[0], here, place))
            else:
                yield from _leaves(inner, here)
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for inner, inner_place in _elements(value, place):
            yield from _leaves(inner, inner_place)
    else:
        yield Leaf(place.path, place.names, value)


def _elements(items: list[Any], place: _Place) -> Iterator[tuple[Any, _Place]]:
    """The elements of a list: a named one without its name, by what no other is called."""
    called = [_labels(item) for item in items]
    counts = Counter(pair for pairs in called for pair in pairs)
    for index, (item, pairs) in enumerate(zip(items, called, strict=True)):
        unique = next((pair for pair in pairs if counts[pair] == 1), None)
        here = place.at(index) if unique is None else place.picked(*unique)
        yield _named(item, pairs[0], here, place) if pairs else (item, here)


def _named(
    item: dict[str, Any], called: tuple[str, str], here: _Place, around: _Place
) -> tuple[dict[str, Any], _Place]:
    """A named thing without its name, at a place that has it."""
    key, name = called
    rest = {each: value for each, value in item.items() if each != key}
    return rest, replace(here, names=(*around.names, name))


def _labels(item: object) -> list[tuple[str, str]]:
    """What a thing with a name and a value is called, by key, the best first."""
    if not isinstance(item, dict):
        return []
    pairs = [(key, text) for key in _LABELS if (text := _label(item.get(key))) is not None]
    is_named = not _VALUES.isdisjoint(item) or any(text in item for _, text in pairs)
    return pairs if is_named else []


def _label(value: object) -> str | None:
    text = as_text(value) if isinstance(value, str | int) else None
    is_fit = text is not None and 0 < len(text) <= _LABEL_CHARACTERS_MAX and text.isprintable()
    return text if is_fit else None
