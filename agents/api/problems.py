"""What can be wrong with a request, as a closed list: each kind has one status and one name.

A problem is raised anywhere below an operation and answered as `application/problem+json`
(RFC 9457), with every faulty field at once. Its text holds no secret and nothing of other accounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import Field

from agents.api.models.base import Answer
from schemas.codec import Fault

# A part that is away is asked again every second or so; a client need not hurry more than that.
RETRY_AFTER_S: Final = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its name, the status it is answered with, and what it means."""

    name: str
    status: int
    title: str


MALFORMED: Final = Kind("malformed", 400, "The request cannot be read")
UNAUTHORIZED: Final = Kind("unauthorized", 401, "A valid key is needed")
FORBIDDEN: Final = Kind("forbidden", 403, "The key may not do this")
NOT_FOUND: Final = Kind("not_found", 404, "There is no such thing")
METHOD_NOT_ALLOWED: Final = Kind("method_not_allowed", 405, "The method is not for this path")
CONFLICT: Final = Kind("conflict", 409, "The request does not fit what is there")
STALE: Final = Kind("stale", 412, "The record was changed by somebody else")
TOO_SLOW: Final = Kind("too_slow", 408, "The request took too long to come")
TOO_LARGE: Final = Kind("too_large", 413, "The request is too large")
UNSUPPORTED_TYPE: Final = Kind("unsupported_type", 415, "The body is not JSON")
INVALID: Final = Kind("invalid", 422, "Some fields cannot be accepted")
RATE_LIMITED: Final = Kind("rate_limited", 429, "Too many requests with this key")
INTERNAL: Final = Kind("internal", 500, "Something went wrong here")
UNAVAILABLE: Final = Kind("unavailable", 503, "A part of Hookline is away")

KINDS: Final = (
    *(MALFORMED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED, TOO_SLOW, CONFLICT),
    *(STALE, TOO_LARGE, UNSUPPORTED_TYPE, INVALID, RATE_LIMITED, INTERNAL, UNAVAILABLE),
)


class Problem(Exception):  # noqa: N818 - it is what is answered, often no error of ours
    """Ends an operation with an answer of its kind."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`detail` is for the person who made the request; `errors` name fields."""
        super().__init__(f"{kind.name}: {detail}")
        self.kind = kind
        self.status = kind.status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class FieldFault(Answer):
    """What is wrong with one field."""

    field: str = Field(description="Its path, such as `retry.schedule[1]`; empty for the whole.")
    message: str


class ProblemAnswer(Answer):
    """Why a request was not carried out (RFC 9457)."""

    type: str = Field(description="A reference to what is said about the kind of problem.")
    title: str
    status: int
    detail: str
    errors: list[FieldFault] = Field(description="Every faulty field; empty where it is none's.")
    request_id: str = Field(description="Stands in the server's log and in `X-Request-Id`.")


def answer_of(problem: Problem, request_id: str) -> ProblemAnswer:
    """The problem as it is answered."""
    return ProblemAnswer(
        type=f"/docs#{problem.kind.name}",
        title=problem.kind.title,
        status=problem.status,
        detail=problem.detail,
        errors=[FieldFault(field=it.field, message=it.message) for it in problem.errors],
        request_id=request_id,
    )


def malformed(detail: str, *errors: Fault) -> Problem:
    """The request itself is wrong: its syntax, its query, a header."""
    return Problem(MALFORMED, detail, errors=errors)


def invalid(errors: Sequence[Fault]) -> Problem:
    """The body can be read and not be accepted; `errors` has every fault."""
    count = len(errors)
    return Problem(INVALID, f"{count} fault{'s' if count != 1 else ''}", errors=errors)


def not_found(what: str) -> Problem:
    """`what` reads like `webhook crm`; the same whether it exists for somebody else or not."""
    return Problem(NOT_FOUND, f"there is no {what}")


def conflict(detail: str, *errors: Fault) -> Problem:
    """What is there does not allow it."""
    return Problem(CONFLICT, detail, errors=errors)


def stale(version: int) -> Problem:
    """`If-Match` named another version than the record's present one."""
    return Problem(STALE, f"its version is {version}: read it again, then change that")


def unavailable(part: str, detail: str) -> Problem:
    """A `part` such as `kafka` or `history` cannot be reached; the same request may work later."""
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Problem(UNAVAILABLE, f"{part}: {detail}", headers=headers)
