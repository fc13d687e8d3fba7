"""The tokens that URLs and templates may name, as a catalogue: four groups, as customers see them.

The catalogue is what is offered, not what is allowed: any field of the activity can be named, and
every custom field is a token as soon as upstream sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Group = Literal["Activity", "Contact", "Score", "Enhanced"]

# The fields behind the Enhanced group: blank unless the account is entitled to them.
ENHANCED_FIELDS: Final = ("extended_lookup", "extended_lookup_on")


@dataclass(frozen=True, slots=True)
class Token:
    """One entry: the path that stands between the braces, and what it gives."""

    name: str
    group: Group
    gives: str


def _tokens(group: Group, *entries: tuple[str, str]) -> tuple[Token, ...]:
    return tuple(Token(name, group, gives) for name, gives in entries)


TOKENS: Final[tuple[Token, ...]] = (
    *_tokens(
        "Activity",
        ("id", "the activity's id"),
        ("sid", "the telephone system's id"),
        ("account_id", "the account's id"),
        ("called_at", "when it began, in the account's time zone"),
        ("unix_time", "when it began, in seconds since 1970"),
        ("direction", "inbound, outbound, msg_inbound, msg_outbound or form"),
        ("status", "how it stands or ended"),
        ("duration", "total time in seconds"),
        ("talk_time", "seconds of conversation"),
        ("ring_time", "seconds of ringing"),
        ("hold_time", "seconds on hold"),
        ("wait_time", "seconds of waiting"),
        ("source", "the tracking source's name"),
        ("tracking_number", "the number that was dialled"),
        ("tracking_label", "that number's label"),
        ("business_number", "the number that was rung"),
        ("agent.id", "the agent's id"),
        ("agent.name", "the agent's name"),
        ("agent.email", "the agent's address"),
        ("audio", "where the recording is"),
        ("transcription_text", "the transcript"),
        ("tag_list", "the tags"),
        ("notes", "the notes"),
        ("message_body", "a text message's text"),
        ("search", "what the visitor searched for"),
        ("referrer", "the page the visitor came from"),
        ("location", "the page the visitor was on"),
        ("medium", "the medium of the visit"),
        ("campaign", "the campaign"),
        ("keyword", "the keyword"),
        ("paid.campaign", "the campaign of a paid visit"),
        ("paid.keyword", "the keyword of a paid visit"),
        ("ga.gclid", "Google's click id"),
        ("form.form_name", "the form's name"),
    ),
    *_tokens(
        "Contact",
        ("name", "the caller's name"),
        ("cnam", "the name that the telephone network knows"),
        ("email", "the caller's address"),
        ("caller_number", "the caller's number, with + and country"),
        ("caller_number_bare", "the same without them"),
        ("caller_number_format", "the same as people write it"),
        ("street", "street"),
        ("city", "city"),
        ("state", "state"),
        ("postal_code", "postal code"),
        ("country", "country"),
    ),
    *_tokens(
        "Score",
        ("sale.score", "the score, 0 to 5"),
        ("sale.conversion", "whether it became a sale"),
        ("sale.value", "the sale's value"),
        ("sale.sale_date", "the sale's date"),
        ("sale.name", "who scored it"),
        ("sale.notes", "notes on the sale"),
    ),
    *_tokens(
        "Enhanced",
        ("extended_lookup.first_name", "first name"),
        ("extended_lookup.last_name", "last name"),
        ("extended_lookup.name_type", "person or business"),
        ("extended_lookup.phone_type", "mobile, landline …"),
        ("extended_lookup.business_name", "the business's name"),
        ("extended_lookup.street_number", "house number"),
        ("extended_lookup.street_name", "street"),
        ("extended_lookup.city", "city"),
        ("extended_lookup.state", "state"),
        ("extended_lookup.zipcode", "postal code"),
    ),
)

# What a pixel's URL may call its variables, and the field that each gives.
PIXEL_VARIABLES: Final[dict[str, str]] = {
    "callid": "id",
    "duration": "duration",
    "direction": "direction",
    "source": "source",
    "sale_value": "sale.value",
}
