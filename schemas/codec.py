"""Bytes to records and back: strict, and every fault of a document at once.

`Malformed` is the only exception that input can cause. Numbers keep their JSON type and their
digits (integers of any size), unknown fields of an activity pass through, NaN and infinity are
refused, and nesting is bounded so that what was read can always be written again.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import pydantic_core
from pydantic import BaseModel, ConfigDict, Strict, ValidationError

# The JSON reader and writer both stop near 200 levels; no real activity has more than ten.
DEPTH_MAX: Final = 64

# A document that is wrong from end to end need not be answered with thousands of lines.
FAULTS_MAX: Final = 50

# Only a number written like this can overflow to infinity (`1e999`), or one of over 300 digits.
_LARGE_EXPONENT: Final = re.compile(rb"[0-9.][eE]\+?[0-9]{3}|[0-9]{300}")

_T = TypeVar("_T")
_R = TypeVar("_R", bound="Record")

# A JSON array, read into a tuple: strict mode alone would ask for a tuple, which JSON has not.
Many = Annotated[tuple[_T, ...], Strict(strict=False)]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field: its dotted path (empty for the whole document) and why."""

    field: str
    message: str

    def __str__(self) -> str:
        """`field: message`, or the message alone for a fault of the whole document."""
        return f"{self.field}: {self.message}" if self.field else self.message


class Malformed(ValueError):  # noqa: N818 - it names the input, not our failure
    """Input that is not the record it should be, with every fault found."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Hold `faults`, of which there is at least one."""
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


class Record(BaseModel):
    """A frozen value that travels. Unknown fields are refused unless a record says otherwise."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


def parse_json(data: bytes) -> Any:  # noqa: ANN401 - JSON can be anything
    """Any JSON value, with integers of any size; raises `Malformed` with line and column."""
    try:
        value = pydantic_core.from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise Malformed((Fault("", f"not JSON: {error}"),)) from None
    if _nests_deeper_than(value, DEPTH_MAX):
        raise Malformed((Fault("", f"nested deeper than {DEPTH_MAX} levels"),))
    if _LARGE_EXPONENT.search(data) and _holds_infinity(value):
        raise Malformed((Fault("", "a number is too large for a double"),))
    return value


def _holds_infinity(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_infinity, value.values()))
    if isinstance(value, list):
        return any(map(_holds_infinity, value))
    return isinstance(value, float) and math.isinf(value)


def _nests_deeper_than(value: object, levels: int) -> bool:
    row = [value]
    for _ in range(levels + 1):
        row = [
            child
            for parent in row
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
        if not row:
            return False
    return True


def validate(model: type[_R], value: object) -> _R:
    """`value`, as read from JSON or YAML, as a `model`; raises `Malformed` with all faults."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Malformed(_faults(error)) from None


def decode(model: type[_R], data: bytes) -> _R:
    """The record in `data` (JSON); raises `Malformed` with all its faults."""
    return validate(model, parse_json(data))


def encode(record: Record) -> bytes:
    """The record as compact JSON; `decode` gives an equal record back."""
    return record.model_dump_json().encode()


def _faults(error: ValidationError) -> tuple[Fault, ...]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    # A list emptied by its items' own faults is reported as too short as well: that is noise.
    real = [entry for entry in found if entry["type"] != "too_short"] or found
    return tuple(_fault(entry) for entry in real[:FAULTS_MAX])


def _fault(entry: Any) -> Fault:  # noqa: ANN401 - pydantic's own mapping
    message = entry["msg"].removeprefix("Value error, ")
    message = _PLAINER.get(entry["type"], message)
    return Fault(_path(entry["loc"]), message[:1].lower() + message[1:])


_PLAINER: Final = {
    "missing": "required, but missing",
    "extra_forbidden": "unknown field",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
}


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path
