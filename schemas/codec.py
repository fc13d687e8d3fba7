"""Bytes to records and back: strict, and every fault of a document at once.

`Malformed` is the only exception that input can cause. Numbers keep their JSON type and their
digits (integers up to 4,300 of them, Python's own bound), unknown fields of an activity pass
through, NaN and infinity are refused, and nesting is bounded so that what was read can always be
written again, also inside the records that wrap it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

import pydantic_core
from pydantic import BaseModel, ConfigDict, Strict, ValidationError

# The JSON reader and writer both stop near 200 levels; no real activity has more than ten.
DEPTH_MAX: Final = 64

# A failure holds a job and a job its event, so what we write may be this much deeper.
WRAPPING_DEPTH: Final = 2

# A document that is wrong from end to end need not be answered with thousands of lines.
FAULTS_MAX: Final = 50

# How a rule that spans fields says which one to mend: `value: eq needs one`.
_NAMED_FIELD: Final = re.compile(r"([a-z_]+): (.*)", re.DOTALL)

_T = TypeVar("_T")
_R = TypeVar("_R", bound=BaseModel)

# A JSON array, read into a tuple: strict mode alone would ask for a tuple, which JSON has not.
Many = Annotated[tuple[_T, ...], Strict(strict=False)]
Pair = Annotated[tuple[str, str], Strict(strict=False)]


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


def parse_json(data: bytes, depth_max: int = DEPTH_MAX) -> Any:  # noqa: ANN401 - any JSON
    """Any JSON value of at most `depth_max` levels; raises `Malformed` with line and column."""
    try:
        value = pydantic_core.from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise Malformed((Fault("", f"not JSON: {error}"),)) from None
    _look_through(value, depth_max)
    return value


def _look_through(value: object, levels: int) -> None:
    """Raise `Malformed` for what is nested too deep, and for a number that became an infinity."""
    row = [value]
    for _ in range(levels + 1):
        if math.inf in row or -math.inf in row:
            raise Malformed((Fault("", "a number is too large for a double"),))
        parents = [each for each in row if isinstance(each, (dict, list))]
        if not parents:
            return
        row = [
            child
            for parent in parents
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
    raise Malformed((Fault("", f"nested deeper than {levels} levels"),))


def validate(model: type[_R], value: object) -> _R:
    """What a person or a foreign system gave, as a `model`; raises `Malformed` with all faults."""
    return _validated(model, value, extra=None)


def decode(model: type[_R], data: bytes) -> _R:
    """The record that a process of ours wrote as `data` (JSON); raises `Malformed`.

    Fields it does not know are passed over: another version may have written them, and agents of
    two versions work side by side while an installation is brought up to date.
    """
    return _validated(model, parse_json(data, DEPTH_MAX + WRAPPING_DEPTH), extra="ignore")


def _validated(model: type[_R], value: object, extra: Literal["ignore"] | None) -> _R:
    try:
        return model.model_validate(value, extra=extra)
    except ValidationError as error:
        raise Malformed(_faults(error, value)) from None


def encode(record: Record) -> bytes:
    """The record as compact JSON; `decode` gives an equal record back."""
    return record.model_dump_json().encode()


def _faults(error: ValidationError, document: object) -> tuple[Fault, ...]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    places = [entry["loc"] for entry in found]
    real = [entry for entry in found if not _is_echo(entry, places)]
    return tuple(_fault(entry, document) for entry in real[:FAULTS_MAX])


def _is_echo(entry: Any, places: list[tuple[int | str, ...]]) -> bool:  # noqa: ANN401 - pydantic's own mapping
    """Whether it only says that a list is too short, having lost the items that have faults."""
    here = entry["loc"]
    return entry["type"] == "too_short" and any(
        len(place) > len(here) and place[: len(here)] == here for place in places
    )


def _fault(entry: Any, document: object) -> Fault:  # noqa: ANN401 - pydantic's own mapping
    message = entry["msg"].removeprefix("Value error, ")
    message = _PLAINER.get(entry["type"], message)
    location = entry["loc"]
    named = _NAMED_FIELD.fullmatch(message) if entry["type"] == "value_error" else None
    if named:
        location, message = (*location, named[1]), named[2]
    return Fault(_path(_as_written(location, document)), message[:1].lower() + message[1:])


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


def _as_written(location: tuple[int | str, ...], document: object) -> tuple[int | str, ...]:
    """The location without the steps that are not in the document, such as a union's member."""
    written: list[int | str] = []
    here = document
    was_member = False
    for position, step in enumerate(location, start=1):
        was_member = not was_member and _is_member(step, here)
        if was_member:
            continue
        leads_on = (
            isinstance(step, int) and step < len(here)
            if isinstance(here, list | tuple)
            else isinstance(here, dict) and step in here
        )
        if leads_on:
            here = here[step]  # type: ignore[index]  # by the condition above
        if leads_on or position == len(location):
            written.append(step)
    return tuple(written)


def _is_member(step: int | str, here: object) -> bool:
    """Whether the step says which member of a union an object is, which may be a field's name."""
    return isinstance(here, dict) and step in (here.get("type"), here.get("kind"))


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path
