"""Sources: inbound endpoints, and how foreign fields become an activity's.

A source's token is drawn here, shown once and kept as a hash, as keys are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, cast

from agents.api.minting import random_text
from agents.api.models.sources import (
    NewSourceAnswer,
    SourceAnswer,
    SourceBody,
    SourcePage,
    SourcePatch,
    SourceQuery,
    TokenAnswer,
)
from agents.api.operation import Call, Operation, Reply, etag
from agents.api.record_operations import operations_of
from agents.api.records import Records, Resource, existing, save, shown_fields
from agents.api.saving import Checked
from pipeline.configs import Configs
from pipeline.source_tokens import hash_of
from schemas.config import Config
from schemas.source import Source

_SOURCES: Final = Resource(
    "source", "src", SourceBody, SourcePatch, SourceAnswer, SourcePage, SourceQuery
)
_HANDLERS: Final = Records(_SOURCES)
# 256 bits, which cannot be guessed.
_TOKEN_BYTES: Final = 32


async def _create(call: Call) -> Reply:
    token = random_text(_TOKEN_BYTES)

    def with_token(record: Config) -> Config:
        return record.model_copy(update={"token_hash": hash_of(token)})

    saved = await _HANDLERS.created(call, with_token)
    warnings = [{"field": it.field, "message": it.message} for it in saved.warnings]
    secret = {"token": token, "address": _address(call, token)}
    answer = {**shown_fields(saved.record), "warnings": warnings, **secret}
    headers = {**etag(saved.record.version), **_HANDLERS.location(call, saved)}
    return Reply(NewSourceAnswer.model_validate(answer), headers=headers)


async def _rotate(call: Call) -> Reply:
    """Give it another address; the one before leads nowhere from now on."""
    key, token = _HANDLERS.key(call), random_text(_TOKEN_BYTES)

    def wanted(configs: Configs) -> Checked:
        source = cast("Source", existing(configs, key, call.if_match))
        return Checked(source.model_copy(update={"token_hash": hash_of(token)}), ())

    version = (await save(call, key, wanted)).record.version
    address = _address(call, token)
    answer = TokenAnswer(source_id=key.id, token=token, address=address, version=version)
    return Reply(answer, headers=etag(version))


def _address(call: Call, token: str) -> str:
    return f"{call.services.settings.public_url.rstrip('/')}/in/{token}"


def _operation(operation: Operation) -> Operation:
    if operation.handler != _HANDLERS.create:
        return operation
    description = "Its `address` and `token` are shown this once; `token/rotate` draws another."
    return replace(operation, handler=_create, answer=NewSourceAnswer, description=description)


_ROTATE: Final = Operation(
    "POST",
    f"{_SOURCES.path}/{{id}}/token/rotate",
    _rotate,
    summary="Rotate a source's token",
    tag="Sources",
    scope="write",
    answer=TokenAnswer,
    problems=(404, 412, 503),
    description="Draws a token, and answers it with the new address this once. The address before "
    "leads nowhere from then on, so give its sender the new one.",
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    *map(_operation, operations_of(_SOURCES, _HANDLERS)),
    _ROTATE,
)
