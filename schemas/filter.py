"""A filter: basic rules over an activity, as an OR of AND groups.

`{any: [{all: [rule, …]}, …]}`, or `{all: [rule, …]}` for a single group. A rule names a field by
path, an operator, and a value where the operator takes one.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from schemas.codec import Many, Record

RULES_MAX: Final = 50
GROUPS_MAX: Final = 20
VALUES_MAX: Final = 200
TEXT_CHARACTERS_MAX: Final = 1_000

Op = Literal[
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "in",
    "not_in",
    "set",
    "not_set",
]
OPS: Final[tuple[str, ...]] = get_args(Op)
_WITHOUT_VALUE: Final = frozenset({"set", "not_set"})
_WITH_LIST: Final = frozenset({"in", "not_in"})

Scalar = bool | int | float | Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX)]


def _in_one_fault(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """Say once what a value may be, rather than once for each type that it is not."""
    try:
        return handler(value)
    except ValidationError:
        raise ValueError(
            f"must be text of at most {TEXT_CHARACTERS_MAX} characters, a number, true or false, "
            f"or a list of at most {VALUES_MAX} of these"
        ) from None


Value = Annotated[
    Scalar | Annotated[Many[Scalar], Field(max_length=VALUES_MAX)] | None,
    WrapValidator(_in_one_fault),
]


class Rule(Record):
    """One condition: the value at `field` (a path such as `agent.name`) compared by `op`."""

    field: Annotated[str, Field(min_length=1, max_length=256)]
    op: Op
    value: Value = None

    @model_validator(mode="after")
    def _value_fits_the_operator(self) -> Rule:
        if self.op in _WITHOUT_VALUE:
            if self.value is not None:
                raise ValueError(f"value: {self.op} takes none")
        elif self.value is None:
            raise ValueError(f"value: {self.op} needs one")
        elif (self.op in _WITH_LIST) != isinstance(self.value, tuple):
            wanted = "a list" if self.op in _WITH_LIST else "a single value"
            raise ValueError(f"value: {self.op} takes {wanted}")
        return self


class Group(Record):
    """Rules that must all hold."""

    all: Annotated[Many[Rule], Field(min_length=1, max_length=RULES_MAX)]


class Filter(Record):
    """Groups of which one must hold."""

    any: Annotated[Many[Group], Field(min_length=1, max_length=GROUPS_MAX)]

    @model_validator(mode="before")
    @classmethod
    def _single_group(cls, value: Any) -> Any:  # noqa: ANN401 - whatever was written
        return as_groups(value)


def as_groups(value: Any) -> Any:  # noqa: ANN401 - whatever was written
    """The groups that are meant where a single one is written, as `{all: […]}`."""
    if isinstance(value, dict) and "all" in value and "any" not in value:
        rest = {name: inner for name, inner in value.items() if name != "all"}
        return {"any": [{"all": value["all"]}], **rest}
    return value
