"""What is asked and answered about sources."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, JsonValue, model_validator

from agents.api.models.base import Answer, Body, PageQuery
from agents.api.models.forms import (
    body_of,
    list_of,
    patch_of,
    shown_of,
    with_fields,
    with_warnings,
)
from agents.api.problems import FieldFault
from pipeline.mapping import RowResult
from pipeline.suggesting import Suggestion
from schemas.codec import Fault
from schemas.inbound import BODY_BYTES_MAX
from schemas.source import Source

_TEXTS: Final = {
    "id": "1 to 63 of `a-z 0-9 - _`, unique in the account, never changed; drawn when left out.",
    "name": "For people.",
    "description": "For people.",
    "enabled": "A disabled source takes nothing in; what comes is kept, to be mapped again.",
    "phase": "The phase of what it makes; `form` has its `end` after it.",
    "source_name": "The activities' tracking source, where the mapping gives none.",
    "region": "Where telephone numbers without their country's code are from, such as `US`.",
    "allow_no_phone": "Whether an activity may be without a `caller_number`.",
    "verification": "How a sender proves who it is, beside the token in the address.",
    "deduplication": "Where the sender's own id of a request stands. Sent again it is the same "
    "activity. Left out, the usual headers are looked at, and else the content.",
    "mapping": "Which foreign field becomes which field of an activity. Without a row our own "
    "names and CallTrackingMetrics' are taken.",
    "per_second": "Requests a second that it takes; more are answered 429.",
    "version": "Counts its changes; `If-Match` names it.",
}
_EXAMPLE: Final = {
    "id": "web-form",
    "name": "Form on the web site",
    "mapping": [{"target": "caller_number", "paths": ["phone", "primary_phone"]}],
}

SourceBody: Final = body_of(Source, "SourceBody", _TEXTS, {}, example=_EXAMPLE)
SourcePatch: Final = patch_of(Source, "SourcePatch", _TEXTS, {}, example={"enabled": False})
ShownSource: Final = shown_of(Source, "Source", _TEXTS, {})
SourceAnswer: Final = with_warnings(ShownSource, "SourceAnswer")
SourcePage: Final = list_of(ShownSource, "SourcePage")
_TOKEN: Final = (str, Field(description="The end of its address, a secret shown this once."))
_ADDRESS: Final = (str, Field(description="Where its sender posts to."))
NewSourceAnswer: Final = with_fields(
    SourceAnswer, "NewSourceAnswer", {"token": _TOKEN, "address": _ADDRESS}
)


class SourceQuery(PageQuery):
    """Which sources to list."""

    enabled: bool | None = Field(None, description="Only those that are, or are not, enabled.")
    text: str | None = Field(
        None,
        max_length=200,
        description="Only those with this in their id, name or description, in any case.",
    )


class TokenAnswer(Answer):
    """A source's new token. The one before leads nowhere any more."""

    source_id: str
    token: str = Field(description="Shown this once.")
    address: str = Field(description="Where its sender posts to from now on.")
    version: int


class SampleRequest(Body):
    """A request as a sender would make it."""

    method: Literal["GET", "POST"] = "POST"
    content_type: Annotated[str, Field(max_length=500)] = "application/json"
    query: Annotated[str, Field(max_length=8_000)] = Field(
        "", description="What follows the question mark of the address."
    )
    body: Annotated[str, Field(max_length=BODY_BYTES_MAX)] = ""


class SampleBody(Body):
    """What to try a mapping with: the request that came last, unless one is named or given."""

    inbound_id: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="A request on record."
    )
    payload: dict[str, JsonValue] | None = Field(
        None,
        description="The fields themselves, as JSON.",
        examples=[{"primary_phone": "(720) 555-0123", "full_name": "Ann Lee"}],
    )
    request: SampleRequest | None = Field(None, description="A request, whole.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(it is not None for it in (self.inbound_id, self.payload, self.request)) > 1:
            raise ValueError("payload: name one request or give one, not several")
        return self


class GivenSampleBody(Body):
    """A request that a mapping is to be suggested for."""

    payload: dict[str, JsonValue] | None = Field(None, description="Its fields, as JSON.")
    request: SampleRequest | None = Field(None, description="The request, whole.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.payload is None) == (self.request is None):
            raise ValueError("payload: required, unless a request is given")
        return self


class SourcePreviewBody(SampleBody):
    """What to preview."""

    source: dict[str, JsonValue] | None = Field(
        None,
        description="Fields of the source as they would be written, in place of those that are "
        "kept; masked secrets are those of the one that is kept.",
    )
    suggest: bool = Field(
        default=False, description="Map with what is suggested, in place of the source's rows."
    )


SampleFrom = Literal["given", "named", "latest"]
_FROM: Final = "`given` with the request, `named` by it, or the `latest` that came."


class RowAnswer(Answer):
    """What became of one row of the mapping."""

    target: str
    path: str | None = Field(description="The path that held something; null where none did.")
    found: Any = Field(description="What stood there.")
    value: Any = Field(description="What it became.")
    outcome: str = Field(
        description="`mapped`, `default`, `missing`, `nulled`, `kept` or `rejected`."
    )
    note: str = Field(description="Why a value was not taken.")

    @classmethod
    def of(cls, row: RowResult) -> Self:
        """The row as it is answered."""
        return cls(
            target=row.target,
            path=row.path,
            found=row.found,
            value=row.value,
            outcome=row.outcome,
            note=row.note,
        )


class UnusedAnswer(Answer):
    """A field that no row is suggested for."""

    path: str
    value: Any
    target: str | None = Field(description="A field that it could become, such as a custom one.")


class SuggestionAnswer(Answer):
    """Rows that map a request, by what its fields are called and hold."""

    rows: list[dict[str, Any]] = Field(description="As a source's `mapping` takes them.")
    unused: list[UnusedAnswer]
    payload: dict[str, Any] = Field(description="The fields as they were read.")

    @classmethod
    def of(cls, made: Suggestion, payload: dict[str, Any]) -> Self:
        """The suggestion as it is answered: of each row what is not as by default."""
        rows = [row.model_dump(mode="json", exclude_defaults=True) for row in made.rows]
        unused = [
            UnusedAnswer(path=it.path, value=it.value, target=it.target) for it in made.unused
        ]
        return cls(rows=rows, unused=unused, payload=payload)


class SourcePreviewAnswer(Answer):
    """What the source makes of a request. Nothing was taken in."""

    sample_from: SampleFrom = Field(description=_FROM)
    inbound_id: str | None
    payload: dict[str, Any] = Field(description="The fields as they were read.")
    rows: list[RowAnswer]
    activity: dict[str, Any] | None = Field(description="null where there are faults.")
    faults: list[FieldFault] = Field(description="Why such a request is rejected.")
    warnings: list[FieldFault]
    suggestion: SuggestionAnswer | None


def told(faults: tuple[Fault, ...]) -> list[FieldFault]:
    """Faults as they are answered."""
    return [FieldFault(field=it.field, message=it.message) for it in faults]
