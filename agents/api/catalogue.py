"""What can be named anywhere: the phases of an activity, and the tokens of URLs and templates."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from agents.api.models.base import Answer
from agents.api.operation import Call, Operation, Reply
from schemas.phases import PHASES
from schemas.tokens import PIXEL_VARIABLES, TOKENS


class PhaseAnswer(Answer):
    """A phase, as a webhook's `position` names it."""

    number: int = Field(description="Its place in the list of twenty.")
    id: str
    title: str
    aliases: list[str] = Field(description="Other spellings that are accepted.")
    channels: list[str] = Field(description="The kinds of activities that have it.")


class PhasesAnswer(Answer):
    """All phases."""

    items: list[PhaseAnswer]


class TokenAnswer(Answer):
    """A token, written `{{name}}`."""

    name: str
    group: str
    gives: str


class PixelVariable(Answer):
    """A variable of a pixel's URL, written `:name`."""

    name: str
    field: str = Field(description="The field of the activity that replaces it.")


class TokensAnswer(Answer):
    """All tokens, and the variables of pixels."""

    items: list[TokenAnswer]
    pixel_variables: list[PixelVariable]


async def _phases(_call: Call) -> Reply:
    items = [
        PhaseAnswer(
            number=it.number,
            id=it.id,
            title=it.title,
            aliases=[*it.aliases],
            channels=[*it.channels],
        )
        for it in PHASES
    ]
    return Reply(PhasesAnswer(items=items))


async def _tokens(_call: Call) -> Reply:
    items = [TokenAnswer(name=it.name, group=it.group, gives=it.gives) for it in TOKENS]
    variables = [PixelVariable(name=name, field=field) for name, field in PIXEL_VARIABLES.items()]
    return Reply(TokensAnswer(items=items, pixel_variables=variables))


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "GET",
        "/api/v1/phases",
        _phases,
        summary="List the phases",
        tag="Catalogue",
        scope="read",
        answer=PhasesAnswer,
    ),
    Operation(
        "GET",
        "/api/v1/tokens",
        _tokens,
        summary="List the tokens",
        tag="Catalogue",
        scope="read",
        answer=TokensAnswer,
        description="Any field of an activity can be named; these are the ones that are offered.",
    ),
)
