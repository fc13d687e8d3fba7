"""The twenty phases of an activity, as data: one row each, with every spelling we accept.

A phase has one canonical id (lower snake case) which is the only spelling we ever write; names are
matched without regard to case, blanks, hyphens or underscores. Source: the user's list of trigger
phases, whose own spellings (`end_immedite`, `End_Delayed`, `Geokey`) are among the aliases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Phase:
    """One row of the list: what happened, its canonical id and the other spellings of it."""

    number: int
    id: str
    title: str
    aliases: tuple[str, ...]
    channels: tuple[str, ...]


ROUTE: Final = "route"
UPDATE: Final = "update"
END: Final = "end"
END_DELAYED: Final = "end_delayed"

_ANY: Final = ("call", "text", "form", "chat")

PHASES: Final[tuple[Phase, ...]] = (
    Phase(1, "starts", "Inbound: an activity is received", ("start",), ("call", "text", "chat")),
    Phase(2, "starts", "Outbound: an activity is sent", ("start_outbound",), ("call", "text")),
    Phase(3, "answered", "An agent answers a call within a queue", ("answer",), ("call",)),
    Phase(4, "session", "A website session is associated", ("website_session",), _ANY),
    Phase(5, "hangup", "The caller hangs up early", ("hang_up", "hang_ups"), ("call",)),
    Phase(6, UPDATE, "Something changed during the call", ("updated",), ("call",)),
    Phase(7, "manual_update", "A person updated the activity", ("manually_updated",), _ANY),
    Phase(
        8,
        "end_immediate",
        "The call ended, without waiting for its data",
        ("end_immedite", "ends_immediately", "end_immediately"),
        ("call",),
    ),
    Phase(9, END, "The activity ended, all data captured", ("ended",), ("call", "form", "chat")),
    Phase(10, END_DELAYED, "One hour after the data was captured", ("delayed_end",), _ANY),
    Phase(11, "sale", "Sales data was updated", ("sales",), _ANY),
    Phase(12, "form", "A FormReactor activity was created", ("form_reactor",), ("form",)),
    Phase(13, "paid", "PPC data was retrieved", ("ppc",), _ANY),
    Phase(14, "cost", "Cost data was retrieved", ("costs",), _ANY),
    Phase(15, "geokey", "The caller keyed a zip or area code", ("geo_key",), ("call",)),
    Phase(16, "inbound_text", "A text message was received", ("text_inbound",), ("text",)),
    Phase(17, "outbound_text", "A text message was sent", ("text_outbound",), ("text",)),
    Phase(18, "keyword", "A keyword was spotted in the transcript", ("keywords",), ("call",)),
    Phase(19, ROUTE, "Run by a trigger or an IVR menu", ("routed",), _ANY),
    Phase(20, "status_change", "A text message changed status", ("status_changed",), ("text",)),
)

PHASE_IDS: Final[tuple[str, ...]] = tuple(dict.fromkeys(phase.id for phase in PHASES))


def _folded(name: str) -> str:
    return "".join(character for character in name.lower() if character not in " -_")


_CANONICAL: Final[dict[str, str]] = {
    _folded(name): phase.id for phase in PHASES for name in (phase.id, *phase.aliases)
}


def canonical_phase(name: str) -> str | None:
    """The canonical id of a phase in any accepted spelling, or None when there is no such phase."""
    return _CANONICAL.get(_folded(name))
