"""A JSON Schema as rows for people: each field by its path, what it may be, and what it means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

# A filter's condition lies three levels deep; what lies deeper is told by its type alone.
_DEPTH_MAX: Final = 4

_Schema = dict[str, Any]
Row = tuple[str, str, bool, str]


def rows_of(schema: _Schema, schemas: _Schema) -> list[Row]:
    """Path, type, whether it is required, and description of every field."""
    return [*_rows("", schema, schemas, _DEPTH_MAX)]


def _rows(path: str, schema: _Schema, schemas: _Schema, depth: int) -> Iterator[Row]:
    for inner_path, each in _objects(path, schema, schemas):
        needed = each.get("required", ())
        for name, field in each.get("properties", {}).items():
            place = f"{inner_path}.{name}" if inner_path else name
            yield place, _kind(field, schemas), name in needed, _about(field)
            if depth > 1:
                yield from _rows(place, field, schemas, depth - 1)


def _objects(path: str, schema: _Schema, schemas: _Schema) -> Iterator[tuple[str, _Schema]]:
    """Each object that a value of the schema is, or holds as an item, with its path."""
    here = _resolved(schema, schemas)
    if "properties" in here:
        yield path, here
    if isinstance(here.get("items"), dict):
        yield from _objects(f"{path}[]", here["items"], schemas)
    for choice in (*here.get("anyOf", ()), *here.get("oneOf", ())):
        yield from _objects(path, choice, schemas)


def _kind(schema: _Schema, schemas: _Schema) -> str:
    here = _resolved(schema, schemas)
    if "const" in here:
        return f'"{here["const"]}"'
    if "enum" in here:
        return " | ".join(f'"{value}"' for value in here["enum"])
    choices = (*here.get("anyOf", ()), *here.get("oneOf", ()))
    if choices:
        return " | ".join(dict.fromkeys(_kind(choice, schemas) for choice in choices))
    if here.get("type") == "array":
        return f"list of {_kind(here.get('items', {}), schemas)}"
    return str(here.get("type", "any"))


def _about(schema: _Schema) -> str:
    default = schema.get("default")
    parts = [schema.get("description", "")]
    if isinstance(default, str | int | float) and default != "":
        shown = str(default).lower() if isinstance(default, bool) else default
        parts.append(f"Default: `{shown}`.")
    return " ".join(filter(None, parts))


def _resolved(schema: _Schema, schemas: _Schema) -> _Schema:
    if "$ref" in schema:
        return {**schemas[str(schema["$ref"]).rpartition("/")[2]], "description": ""}
    return schema
