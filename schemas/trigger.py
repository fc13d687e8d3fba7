"""A trigger: an account's rule, that is positions and conditions, then actions."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from schemas.codec import Many, Record
from schemas.common import AccountId, Name, Position, SlugLike, Text, Time, form, shown
from schemas.filter import Filter

ACTIONS_MAX: Final = 20
RECIPIENTS_MAX: Final = 20

_EMAIL: Final = r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+"
_E164: Final = r"\+[1-9][0-9]{5,14}"

Message = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra=shown(_EMAIL)),
    form(_EMAIL, "must be an email address, without a name"),
]
Phone = Annotated[
    str,
    Field(json_schema_extra=shown(_E164)),
    form(_E164, "must be a number in E.164 form, such as +13035550100"),
]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class RunWebhook(Record):
    """Run a webhook of the account, whatever its position."""

    type: Literal["run_webhook"]
    webhook_id: SlugLike


class SendEmail(Record):
    """Send an email; without a template, the default message of the occasion."""

    type: Literal["email"]
    to: Annotated[Many[Email], Field(min_length=1, max_length=RECIPIENTS_MAX)]
    subject: Annotated[str, Field(max_length=500)] = ""
    template: Message | None = None


class SendText(Record):
    """Send a text message to numbers in E.164 form."""

    type: Literal["text"]
    to: Annotated[Many[Phone], Field(min_length=1, max_length=RECIPIENTS_MAX)]
    template: Message | None = None


class Tagging(Record):
    """Ask the upstream system to add and remove tags of the activity."""

    type: Literal["tag"]
    add: Annotated[Many[Tag], Field(max_length=50)] = ()
    remove: Annotated[Many[Tag], Field(max_length=50)] = ()


Action = Annotated[RunWebhook | SendEmail | SendText | Tagging, Field(discriminator="type")]


class Trigger(Record):
    """Actions for activities at any of `positions` that `conditions` accept.

    A trigger without positions runs only where something names it: a webhook's failure trigger, a
    `run` call, an IVR menu.
    """

    kind: Literal["trigger"] = "trigger"
    id: SlugLike
    account_id: AccountId
    name: Name
    description: Text = ""
    positions: Annotated[Many[Position], Field(max_length=20)] = ()
    enabled: bool = True
    conditions: Filter | None = None
    actions: Annotated[Many[Action], Field(min_length=1, max_length=ACTIONS_MAX)]
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None
