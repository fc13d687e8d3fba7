"""Foreign fields made an activity's, row by row: what each row found, and what became of it.

A row takes the first of its paths that holds something, or all of them for `concat`. A value that
a transform or the field itself cannot take rejects the request, is left out or is kept as it came,
as the row says; where nothing is left there is the row's default. A country beside a telephone
number says how to read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from pipeline.activity_fields import COUNTRY_CODE, Target, UnfitError, fitted, target_of
from pipeline.dates import format_faults
from pipeline.paths import Path, as_text, compile_path
from pipeline.phone_numbers import region_of
from pipeline.templates import check
from pipeline.transforms import Surroundings, international, is_blank, transformed
from schemas.codec import Fault, Malformed
from schemas.mapping import Concat, MappingRow, Templated, ToDate, Transform

Outcome: TypeAlias = Literal["mapped", "default", "missing", "nulled", "kept", "rejected"]

_COUNTRIES: Final = (COUNTRY_CODE, "country")


@dataclass(frozen=True, slots=True)
class RowResult:
    """What a row did: the path that had something, what that was, and the field's value.

    `note` says why a value was not taken. `outcome` is `missing` where there was nothing, and
    `nulled`, `kept` or `rejected` where a value was wrong and the row says so.
    """

    target: str
    outcome: Outcome
    path: str | None = None
    found: Any = None
    value: Any = None
    note: str = ""

    @property
    def fault(self) -> Fault | None:
        """Why the request is rejected, if it is because of this row."""
        return Fault(self.target, self.note) if self.outcome == "rejected" else None


def map_rows(
    rows: tuple[MappingRow, ...], payload: dict[str, Any], around: Surroundings
) -> tuple[RowResult, ...]:
    """What each row makes of a payload; raises `Malformed` for rows that were never checked."""
    targets = [_target(row.target) for row in rows]
    countries = [
        _result(row, target, payload, around)
        for row, target in zip(rows, targets, strict=True)
        if target.name in _COUNTRIES
    ]
    around = replace(around, regions=(*_regions(countries), *around.regions))
    return tuple(
        _result(row, target, payload, around) for row, target in zip(rows, targets, strict=True)
    )


def mapping_faults(rows: tuple[MappingRow, ...]) -> Iterator[Fault]:
    """Everything that is wrong with a mapping, by its place, before it is kept."""
    filled: dict[str, int] = {}
    for index, row in enumerate(rows):
        place = f"[{index}]"
        try:
            target = target_of(row.target)
        except Malformed as malformed:
            yield Fault(f"{place}.target", malformed.faults[0].message)
        else:
            first = filled.setdefault(target.name, index)
            if first != index:
                yield Fault(f"{place}.target", f"is filled by mapping[{first}]: add to its paths")
            yield from _default_faults(row, target, place)
        yield from _path_faults(row, place)
        for nth, transform in enumerate(row.transforms):
            yield from _transform_faults(transform, nth, f"{place}.transforms[{nth}]")


def _path_faults(row: MappingRow, place: str) -> Iterator[Fault]:
    for nth, path in enumerate(row.paths):
        try:
            compile_path(path)
        except Malformed as malformed:
            yield Fault(f"{place}.paths[{nth}]", malformed.faults[0].message)
    begins = row.transforms[0] if row.transforms else None
    if not row.paths and not isinstance(begins, Templated) and is_blank(row.default):
        yield Fault(f"{place}.paths", "needs a path, a default, or a template as first transform")


def _transform_faults(transform: Transform, nth: int, place: str) -> Iterator[Fault]:
    if isinstance(transform, Concat) and nth > 0:
        yield Fault(place, "joins what the paths find, so it must be the first transform")
    if isinstance(transform, Templated):
        for fault in check(transform.template):
            yield Fault(f"{place}.template", fault.message)
    if isinstance(transform, ToDate) and transform.format is not None:
        for fault in format_faults(transform.format):
            yield Fault(f"{place}.format", fault.message)


def _default_faults(row: MappingRow, target: Target, place: str) -> Iterator[Fault]:
    if not is_blank(row.default):
        try:
            _fit(row.default, target, ())
        except UnfitError as unfit:
            yield Fault(f"{place}.default", str(unfit))


# A thousand sources name the same few fields.
@lru_cache(maxsize=4_096)
def _target(written: str) -> Target:
    return target_of(written)


@lru_cache(maxsize=16_384)
def path_of(written: str) -> Path:
    """The path, compiled once; raises `Malformed`."""
    return compile_path(written)


def _regions(countries: list[RowResult]) -> Iterator[str]:
    for result in countries:
        region = region_of((as_text(result.value) or "").strip())
        if region is not None:
            yield region


def _result(
    row: MappingRow, target: Target, payload: dict[str, Any], around: Surroundings
) -> RowResult:
    path, found = _found(row, payload)
    value = None
    begins = row.transforms[0] if row.transforms else None
    if path is not None or isinstance(begins, Templated):
        try:
            value = transformed(found, row.transforms, around)
            value = None if is_blank(value) else _fit(value, target, around.regions)
        except UnfitError as unfit:
            return _wrong(
                row, target, RowResult(target.name, "rejected", path, found, None, str(unfit))
            )
    if not is_blank(value):
        return RowResult(target.name, "mapped", path, found, value)
    return _without(row, target, RowResult(target.name, "missing", path, found))


def _found(row: MappingRow, payload: dict[str, Any]) -> tuple[str | None, Any]:
    """The first path that holds something, and what; for `concat`, what all of them hold."""
    held = ((path, path_of(path).find(payload)) for path in row.paths)
    full = ((path, value) for path, value in held if not is_blank(value))
    if not (row.transforms and isinstance(row.transforms[0], Concat)):
        return next(full, (None, None))
    all_held = [*full]
    values: list[Any] = []
    for _, value in all_held:
        values.extend(value if isinstance(value, list) else [value])
    return (all_held[0][0], values) if all_held else (None, None)


def _fit(value: object, target: Target, regions: tuple[str, ...]) -> Any:  # noqa: ANN401 - any field
    fit = fitted(value, target.kind)
    return international(fit, regions) if target.kind == "phone" else fit


def _wrong(row: MappingRow, target: Target, result: RowResult) -> RowResult:
    """The result of a value that cannot be taken."""
    if row.on_error == "keep":
        try:
            # Of no kind, but bounded: what any custom field may be.
            return replace(result, outcome="kept", value=fitted(result.found, "custom"))
        except UnfitError:
            return result
    if row.on_error == "reject":
        return result
    without = _without(row, target, result)
    return replace(without, outcome="nulled") if without.outcome == "missing" else without


def _without(row: MappingRow, target: Target, result: RowResult) -> RowResult:
    """The result where there is no value."""
    if not is_blank(row.default):
        try:
            value = _fit(row.default, target, ())
        except UnfitError as unfit:
            return replace(result, outcome="rejected", note=f"the default {unfit}")
        if not is_blank(value):
            return replace(result, outcome="default", value=value)
    if not row.required:
        return replace(result, outcome="missing")
    where = f"; it is looked for at {', '.join(row.paths)}" if row.paths else ""
    note = result.note or f"required, but missing{where}"
    return replace(result, outcome="rejected", note=note)
