"""A mapping suggested for a sample: which of its values look like fields of an activity, and why.

A value is suggested for a field when its name means that field in one of the languages we know and
the value is of the right form: what is called `phone` must look like a telephone number. What no
field is found for is listed with a name for a custom field, so that nothing is overlooked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from pipeline.leaves import Leaf, leaves_of
from pipeline.sample_values import (
    date_transform,
    fits,
    is_email,
    is_plain_number,
    is_surely_phone,
    number_transform,
)
from pipeline.synonyms import (
    FIRST_NAME,
    GENERIC,
    LAST_NAME,
    LAST_WHERE_FIRST,
    NAMED,
    NOISE,
    OTHERS,
    TARGETS,
    words_of,
)
from pipeline.transforms import is_blank
from schemas.mapping import Concat, MappingRow, Transform

# The number and two others under which the sender may have it.
PATHS_SUGGESTED_MAX: Final = 3
UNUSED_MAX: Final = 200
SHOWN_CHARACTERS_MAX: Final = 200

_NUMBER: Final = "caller_number"
_STRONG: Final = frozenset({_NUMBER, "email"})
_SCORE_MIN: Final = 40
# An exact name at the top; each level below, and each liberty taken, is less sure.
_EXACT: Final = 100
_PER_LEVEL: Final = 3
_LIBERTIES: Final = {"exact": 0, "around": 4, "less": 8, "part": 35}
_OF_CALLER: Final = frozenset(
    {_NUMBER, "email", "name", FIRST_NAME, LAST_NAME, "notes"}
    | {"street", "city", "state", "postal_code", "country"}
)
_NAMES: Final = frozenset({"name", FIRST_NAME, LAST_NAME})
# A name that surely means another field means this one by chance.
_DOUBT_MAX: Final = 5
# A time further down is that of a part.
_TIME_LEVELS_MAX: Final = 2
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Unused:
    """A value that no row takes, and the custom field it could fill."""

    path: str
    value: Any
    target: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Rows for a mapping, and what of the sample they leave."""

    rows: tuple[MappingRow, ...]
    unused: tuple[Unused, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A value that may be a field's, and how sure that is."""

    score: int
    word: str
    path: str
    value: Any


def suggest(payload: dict[str, Any]) -> Suggestion:
    """The rows that a sample suggests; a text that is blank suggests nothing."""
    leaves = [leaf for leaf in leaves_of(payload) if not _is_empty(leaf.value)]
    found: defaultdict[str, list[_Found]] = defaultdict(list)
    for leaf in leaves:
        for target, each in _meanings(leaf):
            found[target].append(each)
    for candidates in found.values():
        candidates.sort(key=lambda each: -each.score)
    _add_unnamed(found, leaves)
    rows = tuple(_rows(found))
    used = {path for row in rows for path in row.paths}
    return Suggestion(rows, tuple(_unused(leaves, used)))


def _is_empty(value: object) -> bool:
    """Whether a value is blank, or a list of nothing else."""
    return is_blank(value) or (isinstance(value, list) and all(map(is_blank, value)))


def _meanings(leaf: Leaf) -> Iterator[tuple[str, _Found]]:
    """Each field that a value may be, once, with its best score."""
    path, value = leaf.path, leaf.value
    if isinstance(value, list) and not all(isinstance(each, str) for each in value):
        return
    best: dict[str, tuple[int, str]] = {}
    excluded = _of_others(leaf.names)
    for word, score in _readings(leaf.names):
        target = TARGETS.get(word)
        if target is None or target in excluded:
            continue
        if score > best.get(target, (_SCORE_MIN - 1, ""))[0]:
            best[target] = score, word
    if len(leaf.names) > _TIME_LEVELS_MAX:
        best.pop("unix_time", None)
    surest = max((score for score, _ in best.values()), default=0)
    for target, (score, word) in best.items():
        if score < surest - _DOUBT_MAX:
            continue
        is_first = isinstance(value, list) and target != "tag_list"
        single = value[0] if is_first else value
        if fits(target, single):
            place = f"{path}[0]" if is_first else path
            yield target, _Found(score, word, place, single)


def _readings(names: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """The words that a value may be meant by, each with how sure that is."""
    words = [words_of(name) for name in names]
    while len(words) > 1 and GENERIC.issuperset(words[-1]):
        words.pop()
    last, around = words[-1], words[-2] if len(words) > 1 else ()
    score = _EXACT - _PER_LEVEL * len(names)
    bare = _without_noise(last)
    yield "".join(last), score - _LIBERTIES["exact"]
    if around:
        for pair in ((*around, *last), (*last, *around), (*_without_noise(around), *bare)):
            yield "".join(pair), score - _LIBERTIES["around"]
    yield "".join(bare), score - _LIBERTIES["less"]
    yield from (("".join(pair), score - _LIBERTIES["part"]) for pair in pairwise(bare))
    yield from ((word, score - _LIBERTIES["part"]) for word in bare if TARGETS.get(word) in _STRONG)


def _of_others(names: tuple[str, ...]) -> frozenset[str]:
    """The fields that a value cannot be, as it is a product's, a shop's or an agent's."""
    *outer, last = (words_of(name) for name in names)
    around = {*(word for words in outer for word in words), *last[:-1]}
    if not OTHERS.isdisjoint(around):
        return _OF_CALLER
    return frozenset() if NAMED.isdisjoint(around) else _NAMES


def _without_noise(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in words if word not in NOISE)


def _add_unnamed(found: defaultdict[str, list[_Found]], leaves: list[Leaf]) -> None:
    """Take the only value that can be a number or an address, whatever it is called."""
    for target, is_one in ((_NUMBER, is_surely_phone), ("email", is_email)):
        alone = [leaf for leaf in leaves if is_one(leaf.value)]
        if target not in found and len(alone) == 1 and target not in _of_others(alone[0].names):
            found[target].append(_Found(_SCORE_MIN, "", alone[0].path, alone[0].value))


def _rows(found: dict[str, list[_Found]]) -> Iterator[MappingRow]:
    taken: set[str] = set()
    name = _name_row(found)
    for target in (_NUMBER, "name", *found):
        free = [each for each in found.get(target, ()) if each.path not in taken]
        if target == "name" and name is not None:
            yield name
            taken.update(name.paths)
            name = None
        elif target not in {"name", FIRST_NAME, LAST_NAME} and free and target not in taken:
            taken.add(target)
            row = _row(target, free)
            taken.update(row.paths)
            yield row


def _row(target: str, found: list[_Found]) -> MappingRow:
    best = found[0]
    if target in _STRONG:
        paths = tuple(each.path for each in found[:PATHS_SUGGESTED_MAX])
    else:
        paths = (best.path,)
    if target == _NUMBER:
        return MappingRow(target=target, paths=paths, required=True)
    transform = _transform(target, best.value)
    transforms = () if transform is None else (transform,)
    # None of these is worth losing a caller for.
    return MappingRow(target=target, paths=paths, transforms=transforms, on_error="null")


def _transform(target: str, value: object) -> Transform | None:
    if target == "unix_time":
        return date_transform(value)
    if target == "sale.value" and not is_plain_number(value):
        return number_transform(value)
    return None


def _name_row(found: dict[str, list[_Found]]) -> MappingRow | None:
    """The caller's name, put together where it comes in two halves."""
    whole, first, last = (
        found[each][0] if found.get(each) else None for each in ("name", FIRST_NAME, LAST_NAME)
    )
    if first is None or (last is None and whole is None):
        best = whole or first or last
        return (
            None if best is None else MappingRow(target="name", paths=(best.path,), on_error="null")
        )
    if last is None and whole is not None and whole.word in LAST_WHERE_FIRST:
        last = whole
    if last is None or (whole is not None and str(first.value) in str(whole.value)):
        best = whole or first
        return MappingRow(target="name", paths=(best.path,), on_error="null")
    paths = (first.path, last.path)
    return MappingRow(
        target="name", paths=paths, transforms=(Concat(type="concat"),), on_error="null"
    )


def _unused(leaves: list[Leaf], used: set[str]) -> Iterator[Unused]:
    targets: set[str] = set()
    left = [leaf for leaf in leaves if not {leaf.path, f"{leaf.path}[0]"} & used]
    for leaf in left[:UNUSED_MAX]:
        words = [word for name in leaf.names for word in words_of(name)]
        words = [*_without_noise(tuple(words))] or words
        slug = _NOT_SLUG.sub("_", "_".join(words)).strip("_")[-60:].strip("_") or "field"
        number = 1
        while (target := f"custom_{slug}" + (f"_{number}" if number > 1 else "")) in targets:
            number += 1
        targets.add(target)
        shown = leaf.value
        if isinstance(shown, str) and len(shown) > SHOWN_CHARACTERS_MAX:
            shown = f"{shown[:SHOWN_CHARACTERS_MAX]}…"
        yield Unused(leaf.path, shown, target)
