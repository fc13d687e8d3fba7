"""All operations of the API, area by area, in the order of the documentation."""

from __future__ import annotations

from typing import Final

from agents.api import (
    accounts,
    activities,
    attempts,
    catalogue,
    deliveries,
    explaining,
    form_reactor,
    inbound,
    ingest,
    keys,
    preview,
    replays,
    rerunning,
    running,
    source_previews,
    sources,
    testing,
    trigger_running,
    triggers,
    webhooks,
)
from agents.api.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *accounts.OPERATIONS,
    *keys.OPERATIONS,
    *webhooks.OPERATIONS,
    *testing.OPERATIONS,
    *preview.OPERATIONS,
    *running.OPERATIONS,
    *triggers.OPERATIONS,
    *trigger_running.OPERATIONS,
    *sources.OPERATIONS,
    *source_previews.OPERATIONS,
    *inbound.OPERATIONS,
    *ingest.OPERATIONS,
    *form_reactor.OPERATIONS,
    *activities.OPERATIONS,
    *deliveries.OPERATIONS,
    *rerunning.OPERATIONS,
    *replays.OPERATIONS,
    *attempts.OPERATIONS,
    *explaining.OPERATIONS,
    *catalogue.OPERATIONS,
)
