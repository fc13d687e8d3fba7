"""Sources: inbound endpoints, and how foreign fields become an activity's."""

from __future__ import annotations

from typing import Final

from agents.api.models.sources import (
    SourceAnswer,
    SourceBody,
    SourcePage,
    SourcePatch,
    SourceQuery,
)
from agents.api.operation import Operation
from agents.api.record_operations import operations_of
from agents.api.records import Records, Resource

_SOURCES: Final = Resource(
    "source", "src", SourceBody, SourcePatch, SourceAnswer, SourcePage, SourceQuery
)

OPERATIONS: Final[tuple[Operation, ...]] = operations_of(_SOURCES, Records(_SOURCES))
