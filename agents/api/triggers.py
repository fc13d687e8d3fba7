"""Triggers: what happens where conditions hold, or where a webhook fails."""

from __future__ import annotations

from typing import Final

from agents.api.models.triggers import (
    TriggerAnswer,
    TriggerBody,
    TriggerPage,
    TriggerPatch,
    TriggerQuery,
)
from agents.api.operation import Operation
from agents.api.record_operations import operations_of
from agents.api.records import Records, Resource

_TRIGGERS: Final = Resource(
    "trigger", "tr", TriggerBody, TriggerPatch, TriggerAnswer, TriggerPage, TriggerQuery
)

OPERATIONS: Final[tuple[Operation, ...]] = operations_of(_TRIGGERS, Records(_TRIGGERS))
