"""Models of configuration records as clients write and read them, made from the records themselves.

A field that is added to a record is so in the documentation too. What a client writes is described
here and checked elsewhere, by the rules of a whole document (`agents.api.saving`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, cast

from pydantic import BaseModel, Field, GetJsonSchemaHandler, JsonValue, RootModel, create_model
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

from agents.api.models.base import Answer, Body
from agents.api.problems import FieldFault
from pipeline.changes import BOOKKEEPING
from schemas.codec import Record

# What each field means, where its name does not say it; and types that are not the record's own.
Texts = Mapping[str, str]
Types = Mapping[str, Any]

# The path says whose it is; the rest is kept by Hookline itself.
_NOT_WRITTEN: Final = BOOKKEEPING | {"account_id", "token_hash"}
_NOT_SHOWN: Final = frozenset({"kind", "token_hash"})


class Given(RootModel[dict[str, JsonValue]]):
    """An object whose fields are checked later; `form` says what they are."""

    form: ClassVar[type[BaseModel]]

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The schema of the form, in place of any object's."""
        shown = handler.resolve_ref_schema(handler(cls.form.__pydantic_core_schema__))
        return dict(shown)


def body_of(
    record: type[Record], name: str, texts: Texts, types: Types, *, example: dict[str, Any]
) -> type[Given]:
    """The body that creates a record or replaces one."""
    fields = _fields(record, texts, types, _NOT_WRITTEN)
    return _written(name, fields | _optional({"id": fields["id"]}), example)


def patch_of(
    record: type[Record], name: str, texts: Texts, types: Types, *, example: dict[str, Any]
) -> type[Given]:
    """The body that changes some fields (RFC 7396): null gives a field its default back."""
    return _written(name, _optional(_fields(record, texts, types, _NOT_WRITTEN)), example)


def shown_of(record: type[Record], name: str, texts: Texts, types: Types) -> type[Answer]:
    """The record as it is answered: every field, secrets masked."""
    fields = _fields(record, texts, types, _NOT_SHOWN)
    return cast(
        "type[Answer]", create_model(name, __base__=Answer, __doc__=record.__doc__, **fields)
    )


def with_warnings(shown: type[Answer], name: str) -> type[Answer]:
    """One record's answer, which also says what may not be meant by it."""
    warnings = Field(description="What it may say, but whoever wrote it hardly means.")
    return with_fields(shown, name, {"warnings": (list[FieldFault], warnings)})


def list_of(shown: type[Answer], name: str) -> type[Answer]:
    """A page of a list of records."""
    items = Field(description="The records of this page, by id.")
    following = Field(description="Asks for the next page; null on the last.")
    fields: dict[str, Any] = {"items": (list[shown], items), "next_cursor": (str | None, following)}  # type: ignore[valid-type]
    return with_fields(Answer, name, fields)


def with_fields(base: type[Answer], name: str, fields: dict[str, Any]) -> type[Answer]:
    """An answer that has more fields than another."""
    return cast("type[Answer]", create_model(name, __base__=base, __doc__=base.__doc__, **fields))


def _fields(
    record: type[Record], texts: Texts, types: Types, without: frozenset[str]
) -> dict[str, Any]:
    """The record's fields with their rules, and what is said of each."""
    return {
        name: (types.get(name) or _ruled(info), _said(info, texts.get(name)))
        for name, info in record.model_fields.items()
        if name not in without
    }


def _ruled(info: FieldInfo) -> Any:  # noqa: ANN401 - a type
    return Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation


def _said(info: FieldInfo, text: str | None) -> Any:  # noqa: ANN401 - pydantic's way
    default = ... if info.is_required() else info.default
    return Field(default, description=text, json_schema_extra=info.json_schema_extra)


def _optional(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (
            annotation | None,
            Field(None, description=info.description, json_schema_extra=info.json_schema_extra),
        )
        for name, (annotation, info) in fields.items()
    }


def _written(name: str, fields: dict[str, Any], example: dict[str, Any]) -> type[Given]:
    form = create_model(name, __base__=Body, **fields)
    form.model_config["json_schema_extra"] = {"examples": [example]}
    written: type[Given] = create_model(name, __base__=Given)
    written.form = form
    return written
