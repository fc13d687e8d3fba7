"""The API's description in OpenAPI 3.1, made from the operations and models that serve it.

What an operation takes and answers, and with which statuses, cannot be told otherwise here than it
is done: nothing is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from agents.api.describing import INTRODUCTION, PARAMETERS, TAGS
from agents.api.operation import Operation
from agents.api.problems import (
    CONFLICT,
    FORBIDDEN,
    INVALID,
    KINDS,
    MALFORMED,
    NOT_FOUND,
    RATE_LIMITED,
    STALE,
    TOO_LARGE,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNSUPPORTED_TYPE,
    ProblemAnswer,
)
from pipeline.form_bodies import FORM_TYPE
from schemas.secret import SEALED

_REF: Final = "#/components/schemas/{model}"
_VARIABLE: Final = re.compile(r"\{([a-z_]+)\}")
_TITLES: Final = {kind.status: kind.title for kind in KINDS}

_Models = dict[Any, dict[str, Any]]  # by model and mode


def openapi(operations: Sequence[Operation], public_url: str) -> dict[str, Any]:
    """The whole document."""
    refs, schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _operation(operation, refs, schemas)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    for operation in operations:  # their parameters are told where they are used
        if operation.query is not None:
            schemas.pop(_name(refs[operation.query, "validation"]), None)
    used = dict.fromkeys(it.tag for it in operations)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hookline",
            "version": version("hookline"),
            "description": INTRODUCTION,
        },
        "servers": [{"url": public_url.rstrip("/")}],
        "tags": [{"name": tag, "description": TAGS.get(tag, "")} for tag in used],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def statuses_of(operation: Operation) -> list[int]:
    """Every problem's status that the operation can answer, but for what is nobody's intention."""
    found = {MALFORMED.status, TOO_LARGE.status, *operation.problems}
    if operation.scope != "public":
        found |= {it.status for it in (UNAUTHORIZED, FORBIDDEN, RATE_LIMITED, UNAVAILABLE)}
    if _VARIABLE.search(operation.path):
        found.add(NOT_FOUND.status)
    if operation.body is not None:
        found |= {UNSUPPORTED_TYPE.status, INVALID.status}
    if operation.method == "POST":  # the problems of Idempotency-Key
        found |= {CONFLICT.status, INVALID.status}
    return sorted(found)


def _schemas(operations: Sequence[Operation]) -> tuple[_Models, dict[str, Any]]:
    """A reference for each model that is used, and what all of them refer to, by name."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {
        (ProblemAnswer, "serialization"): None
    }
    for operation in operations:
        for model in (operation.query, operation.body):
            if model is not None:
                wanted[model, "validation"] = None
        if operation.answer is not None:
            wanted[operation.answer, "serialization"] = None
    refs, definitions = models_json_schema([*wanted], ref_template=_REF)
    return refs, _without_sealed(definitions["$defs"])


def _without_sealed(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """The schema as clients know it: how secrets are kept is nothing that they write or read."""
    if isinstance(schema, list):
        return [_without_sealed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _without_sealed(inner) for name, inner in schema.items()}
    choices = found.get("anyOf", [])
    plain = [it for it in choices if not str(it.get("pattern")).startswith(f"^{SEALED}")]
    if len(plain) == len(choices):
        return found
    del found["anyOf"]
    return found | (plain[0] if len(plain) == 1 else {"anyOf": plain})


def _name(ref: dict[str, Any]) -> str:
    return str(ref["$ref"]).rpartition("/")[2]


def _operation(operation: Operation, refs: _Models, schemas: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": re.sub(r"[^a-z0-9]+", "_", operation.summary.lower()).strip("_"),
        "summary": operation.summary,
        "description": _description(operation),
        "tags": [operation.tag],
        "parameters": [*_parameters(operation, refs, schemas)],
        "responses": _responses(operation, refs),
    }
    if operation.scope != "public":
        described["security"] = [{"bearer": []}, {"basic": []}]
    if operation.body is not None:
        kinds = ("application/json", *([FORM_TYPE] if operation.takes_forms else []))
        content = {kind: {"schema": refs[operation.body, "validation"]} for kind in kinds}
        described["requestBody"] = {"content": content, "required": _is_needed(operation.body)}
    return described


def _description(operation: Operation) -> str:
    wanted = "an admin key" if operation.scope == "admin" else f"the scope `{operation.scope}`"
    needs = "" if operation.scope == "public" else f"Needs {wanted}."
    return " ".join(filter(None, (operation.description, needs)))


def _is_needed(body: type[BaseModel]) -> bool:
    """Whether a body must be sent: without one it is read as an object without fields."""
    return any(field.is_required() for field in body.model_fields.values())


def _parameters(
    operation: Operation, refs: _Models, schemas: dict[str, Any]
) -> Sequence[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, **PARAMETERS[name]}
        for name in _VARIABLE.findall(operation.path)
    ]
    if operation.query is not None:
        schema = schemas[_name(refs[operation.query, "validation"])]
        needed = schema.get("required", ())
        for name, field in schema["properties"].items():
            found.append(_query_parameter(name, field, is_needed=name in needed))
    if STALE.status in operation.problems:
        found.append(PARAMETERS["If-Match"])
    if operation.method == "POST":
        found.append(PARAMETERS["Idempotency-Key"])
    return found


def _query_parameter(name: str, field: dict[str, Any], *, is_needed: bool) -> dict[str, Any]:
    schema = {key: value for key, value in field.items() if key not in ("description", "title")}
    choices = [it for it in schema.get("anyOf", []) if it != {"type": "null"}]
    if len(choices) == 1:  # a parameter that may be left out cannot be null as well
        del schema["anyOf"]
        schema |= choices[0]
    if schema.get("default", ...) is None:
        del schema["default"]
    described = {"name": name, "in": "query", "required": is_needed, "schema": schema}
    return described | {"description": field.get("description", "")}


def _responses(operation: Operation, refs: _Models) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done." if operation.answer is None else "Found."}
    if operation.answer is not None:
        answer["description"] = "As asked."
        schema = refs[operation.answer, "serialization"]
        answer["content"] = {"application/json": {"schema": schema}}
    if STALE.status in operation.problems:
        answer["headers"] = {
            "ETag": {"schema": {"type": "string"}, "description": "The record's version."}
        }
    problem = {"application/problem+json": {"schema": refs[ProblemAnswer, "serialization"]}}
    problems = {
        str(status): {"description": _TITLES[status], "content": problem}
        for status in statuses_of(operation)
    }
    return {str(operation.status): answer, **problems}
