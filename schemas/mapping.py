"""A mapping: rows, each of which looks for a value in a request and makes a field of it.

It is data, not a language: a row names paths, and transforms out of a fixed set, each bounded.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.codec import Many, Record
from schemas.common import TimeZone, form, shown

# Any of a payload's fields may be wanted, and real ones have a few hundred at most.
ROWS_MAX: Final = 200
# The other names that a field may have with one sender.
PATHS_MAX: Final = 10
# Of all rows: each is looked for in every request.
PATHS_TOTAL_MAX: Final = 400
TRANSFORMS_MAX: Final = 10
# Of all rows: a template may take fifty milliseconds when it is made to.
TEMPLATES_MAX: Final = 20
LOOKUP_MAX: Final = 500
TEMPLATE_CHARACTERS_MAX: Final = 4_000
# Two directives for each part of a date and its time, and what stands between.
FORMAT_CHARACTERS_MAX: Final = 64

_REGION: Final = r"[A-Z]{2}"

Path = Annotated[str, Field(min_length=1, max_length=256)]
Region = Annotated[
    str,
    Field(json_schema_extra=shown(_REGION)),
    form(_REGION, "must be a country's two letters, such as US"),
]
Word = Annotated[str, Field(max_length=200)]


class Simple(Record):
    """A transform without settings: `digits` keeps only these, `bool` gives true or false."""

    type: Literal["trim", "lower", "upper", "digits", "bool"]


class ToNumber(Record):
    """A number, without the currency beside it; `decimal` is the mark before its fraction."""

    type: Literal["number"]
    decimal: Literal[".", ","] = "."


class ToE164(Record):
    """A telephone number in E.164; `region` is where a national one is from, else the source's."""

    type: Literal["e164"]
    region: Region | None = None


class Split(Record):
    """The part at `index` (from 0, or from the end below 0) of a text parted by `by`, or a list."""

    type: Literal["split"]
    by: Annotated[str, Field(min_length=1, max_length=20)] = ","
    index: Annotated[int, Field(ge=-100, le=100)] = 0


class Concat(Record):
    """All values that the row's paths find, joined by `separator`; a list's elements, too."""

    type: Literal["concat"]
    separator: Annotated[str, Field(max_length=20)] = " "


class ToDate(Record):
    """A time in ISO 8601, or in seconds since 1970 for `to: unix`.

    It is read by `format` (strptime's directives), else as ISO 8601, as mail writes it, or as
    seconds or milliseconds since 1970. `time_zone` is where one without an offset is from; none is
    the account's.
    """

    type: Literal["date"]
    format: Annotated[str, Field(min_length=1, max_length=FORMAT_CHARACTERS_MAX)] | None = None
    time_zone: TimeZone | None = None
    to: Literal["iso", "unix"] = "iso"


class Lookup(Record):
    """The value that `table` has for the text, in any case; else `otherwise`, else an error."""

    type: Literal["lookup"]
    table: Annotated[dict[Word, Any], Field(min_length=1, max_length=LOOKUP_MAX)]
    otherwise: Any = None


class Templated(Record):
    """A Mustache template over the request's fields; `{{value}}` is what the row found."""

    type: Literal["template"]
    template: Annotated[str, Field(min_length=1, max_length=TEMPLATE_CHARACTERS_MAX)]


_Transform = Annotated[
    Simple | ToNumber | ToE164 | Split | Concat | ToDate | Lookup | Templated,
    Field(discriminator="type"),
]
_Short = Literal[
    "trim", "lower", "upper", "digits", "bool", "number", "e164", "split", "concat", "date"
]


def _spelled_out(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


# A transform that is used as it is by default may be written as its name alone.
Transform = Annotated[
    _Transform, BeforeValidator(_spelled_out, json_schema_input_type=_Short | _Transform)
]


class MappingRow(Record):
    """One row: the first of `paths` that holds something becomes `target`, transformed.

    `on_error` says what becomes of a value that a transform cannot take: the request is rejected,
    the field is left out, or the value is kept as it came.
    """

    target: Path
    paths: Annotated[Many[Path], Field(max_length=PATHS_MAX)] = ()
    transforms: Annotated[Many[Transform], Field(max_length=TRANSFORMS_MAX)] = ()
    default: Any = None
    required: bool = False
    on_error: Literal["reject", "null", "keep"] = "reject"


def _bounded(rows: tuple[MappingRow, ...]) -> tuple[MappingRow, ...]:
    if sum(len(row.paths) for row in rows) > PATHS_TOTAL_MAX:
        raise ValueError(f"has more than {PATHS_TOTAL_MAX} paths in all")
    transforms = [transform for row in rows for transform in row.transforms]
    if sum(isinstance(each, Templated) for each in transforms) > TEMPLATES_MAX:
        raise ValueError(f"has more than {TEMPLATES_MAX} templates in all")
    return rows


Mapping = Annotated[Many[MappingRow], Field(max_length=ROWS_MAX), AfterValidator(_bounded)]
