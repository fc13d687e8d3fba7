"""The operations that webhooks, triggers and sources have in common, as values."""

from __future__ import annotations

from typing import Any

from agents.api.operation import Operation
from agents.api.records import Records, Resource


def operations_of(resource: Resource, handlers: Records) -> tuple[Operation, ...]:
    """The operations of one kind of record, in the order of the documentation."""
    return (*_of_the_list(resource, handlers), *_of_one(resource, handlers))


def _of_the_list(resource: Resource, handlers: Records) -> tuple[Operation, ...]:
    kind, tag = resource.kind, _tag(resource)
    return (
        Operation(
            "GET",
            resource.path,
            handlers.list,
            f"List {kind}s",
            tag,
            "read",
            query=resource.query,
            answer=resource.page,
        ),
        Operation(
            "POST",
            resource.path,
            handlers.create,
            f"Create a {kind}",
            tag,
            "write",
            body=resource.body,
            answer=resource.answer,
            status=201,
            problems=(409, 422, 503),
        ),
    )


def _of_one(resource: Resource, handlers: Records) -> tuple[Operation, ...]:
    kind, path = resource.kind, f"{resource.path}/{{id}}"
    named: Any = {"tag": _tag(resource), "answer": resource.answer}
    change: Any = {**named, "scope": "write", "problems": (404, 412, 422, 503)}
    replace: Any = {**change, "body": resource.body}
    patch: Any = {**change, "body": resource.patch}
    delete: Any = {**change, "answer": None, "status": 204, "problems": (404, 409, 412, 503)}
    read: Any = {**named, "scope": "read", "problems": (404,)}
    default = "What is left out takes its default."
    merge = "A JSON merge patch (RFC 7396): null gives a field its default back."
    kept = "Refused while something refers to it."
    on, off = f"{path}/enable", f"{path}/disable"
    return (
        Operation("GET", path, handlers.read, f"Read a {kind}", **read),
        Operation(
            "PUT", path, handlers.replace, f"Replace a {kind}", **replace, description=default
        ),
        Operation("PATCH", path, handlers.patch, f"Change a {kind}", **patch, description=merge),
        Operation("DELETE", path, handlers.delete, f"Delete a {kind}", **delete, description=kept),
        Operation("POST", on, handlers.enable, f"Enable a {kind}", **change),
        Operation("POST", off, handlers.disable, f"Disable a {kind}", **change),
    )


def _tag(resource: Resource) -> str:
    return f"{resource.kind.capitalize()}s"
