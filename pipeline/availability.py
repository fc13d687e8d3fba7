"""Which fields an activity can have at which phase, as data: little at its start, more later.

Upstream systems differ in when they know what, so a row says only what is true of all of them:
before `not_yet_at` is over nobody has the field, and an activity of another channel never has it.
A field that no row names can exist at any phase. Nothing is refused for this; it is advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pipeline.fields import ActivityField
from schemas.phases import PHASES
from schemas.tokens import ENHANCED_FIELDS, TOKENS

_BEFORE_THE_TALK: Final = frozenset({"starts", "geokey", "session", "answered"})
_BEFORE_THE_END: Final = _BEFORE_THE_TALK | {"update", "hangup", "end_immediate"}
# The end itself and what has no end to wait for: scores, PPC and cost data come later still.
_BEFORE_THE_SCORE: Final = _BEFORE_THE_END | {
    "end",
    "form",
    "inbound_text",
    "outbound_text",
    "status_change",
}
_ANY: Final = frozenset({"call", "text", "form", "chat"})
_CALL: Final = frozenset({"call"})


@dataclass(frozen=True, slots=True)
class Availability:
    """Fields that come together: the phase they come with, and where they cannot be.

    `names` are top-level; what is inside of one comes with it.
    """

    names: frozenset[str]
    comes_with: str
    not_yet_at: frozenset[str] = frozenset()
    channels: frozenset[str] = _ANY


def _row(
    names: str,
    comes_with: str,
    not_yet_at: frozenset[str] = frozenset(),
    channels: frozenset[str] = _ANY,
) -> Availability:
    return Availability(frozenset(names.split()), comes_with, not_yet_at, channels)


AVAILABILITY: Final[tuple[Availability, ...]] = (
    _row("inputs", "geokey", frozenset({"starts"}), _CALL),
    _row(
        "visitor visitor_sid visitor_ip referrer location last_location search webvisit ga"
        " first_touch last_touch touchpoints",
        "session",
        frozenset({"starts"}),
    ),
    _row("ring_time wait_time hold_time", "answered", frozenset({"starts", "geokey"}), _CALL),
    _row("duration", "hangup", _BEFORE_THE_TALK, frozenset({"call", "chat"})),
    _row(
        "talk_time left_talk_time right_talk_time",
        "end_immediate",
        _BEFORE_THE_TALK | {"hangup"},
        _CALL,
    ),
    _row("audio is_s3_link", "end", _BEFORE_THE_END, _CALL),
    _row("transcription transcription_text", "keyword", _BEFORE_THE_END, _CALL),
    _row("summary activity_analysis spotted", "keyword", _BEFORE_THE_END),
    _row("sale", "sale", _BEFORE_THE_SCORE),
    _row(
        "paid campaign_id ad_group_id creative_id keyword_id ad_content ad_format ad_match_type"
        " ad_network ad_placement",
        "paid",
        _BEFORE_THE_SCORE,
    ),
    _row("cost", "cost", _BEFORE_THE_SCORE),
    _row("message_id message_body message_media", "inbound_text", channels=frozenset({"text"})),
    _row(
        "sms_error_code",
        "status_change",
        frozenset({"starts", "inbound_text", "outbound_text"}),
        frozenset({"text"}),
    ),
    _row("form", "form", channels=frozenset({"form"})),
    _row("chat_messages chat_status chat_type", "starts", channels=frozenset({"chat"})),
)

# Fields that no row and no token names, and that a custom field had better not be named after.
_OTHERS: Final = (
    "account_name parent_id contact_number alternative_number caller_number_complete"
    " caller_number_blocked tracking_number_id tracking_number_bare tracking_number_format"
    " business_label source_id dial_status call_status call_path legs transfers agent_id"
    " is_new_caller spam likelihood latitude longitude web_source tag_list custom_fields"
)
BUILT_IN: Final = frozenset(
    {
        *_OTHERS.split(),
        *ENHANCED_FIELDS,
        *(token.name.split(".")[0] for token in TOKENS),
        *(name for row in AVAILABILITY for name in row.names),
    }
)

_ROWS: Final = {name: row for row in AVAILABILITY for name in row.names}
_CHANNELS: Final = {
    phase.id: frozenset(
        channel for other in PHASES if other.id == phase.id for channel in other.channels
    )
    for phase in PHASES
}


def why_absent(field: ActivityField, position: str) -> str | None:
    """Why no activity can have `field` at `position`, a canonical phase; None when one can."""
    row = _ROWS.get(str(field.paths[0].steps[0]))
    if row is None:
        return None
    if row.channels.isdisjoint(_CHANNELS[position]):
        kind = " and ".join(f"{channel}s" for channel in sorted(row.channels))
        return f"only {kind} have {field.name}, and there are none at {position}"
    if position in row.not_yet_at:
        return f"{field.name} is not known yet at {position}: it comes with {row.comes_with}"
    return None


def shadowed(field: ActivityField) -> str | None:
    """The built-in field whose name a custom field has too, or None."""
    first, *rest = field.paths[0].steps
    custom = str(rest[0]) if first == "custom_fields" and rest else None
    if isinstance(first, str) and first.startswith("custom_") and first != "custom_fields":
        custom = first.removeprefix("custom_")
    return custom if custom in BUILT_IN else None
