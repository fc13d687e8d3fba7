"""A trigger: an account's rule, that is positions and conditions, then actions.

What tags, scores or sets a field is asked of the upstream system (`schemas/command.py`): Hookline
never edits its own copy of an activity.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.codec import Many, Record
from schemas.common import AccountId, Name, Position, SlugLike, Text, Time, form, shown
from schemas.conditions import Conditions
from schemas.tiers import TierName

ACTIONS_MAX: Final = 20
RECIPIENTS_MAX: Final = 20
TAGS_MAX: Final = 50
VALUE_CHARACTERS_MAX: Final = 2_000

EMAIL: Final = r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+"
E164: Final = r"\+[1-9][0-9]{5,14}"

Message = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
# Whom the activity names: `{{email}}`, `{{caller_number}}`.
_FIELD: Final = r"\{\{ ?[A-Za-z0-9_.]{1,100} ?\}\}"
Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra=shown(f"({EMAIL}|{_FIELD})")),
    form(
        f"{EMAIL}|{_FIELD}",
        "must be an email address, without a name, or one token such as {{email}}",
    ),
]
Phone = Annotated[
    str,
    Field(json_schema_extra=shown(f"({E164}|{_FIELD})")),
    form(
        f"{E164}|{_FIELD}",
        "must be a number in E.164 form, such as +13035550100, or one token such as "
        "{{caller_number}}",
    ),
]
_CUSTOM_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
_SALE_VALUE: Final = r"-?[0-9]{1,12}(\.[0-9]{1,4})?"

CustomName = Annotated[
    str,
    Field(json_schema_extra=shown(_CUSTOM_NAME)),
    form(_CUSTOM_NAME, "must be a custom field's name, without custom_: letters, digits, _ . -"),
]
# A text, as money is in activities.
SaleValue = Annotated[
    str,
    Field(json_schema_extra=shown(_SALE_VALUE)),
    form(_SALE_VALUE, "must be an amount as text, such as 85.00"),
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
    add: Annotated[Many[Tag], Field(max_length=TAGS_MAX)] = ()
    remove: Annotated[Many[Tag], Field(max_length=TAGS_MAX)] = ()

    @model_validator(mode="after")
    def _does_something(self) -> Tagging:
        if not self.add and not self.remove:
            raise ValueError("add: a tag to add or to remove is needed")
        if both := sorted({*self.add} & {*self.remove}):
            raise ValueError(f"remove: {', '.join(both)} cannot be added and removed at once")
        return self


class Scoring(Record):
    """Ask the upstream system to set the activity's score, conversion or sale value."""

    type: Literal["score"]
    score: Annotated[int, Field(ge=0, le=5)] | None = None
    conversion: bool | None = None
    value: SaleValue | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Scoring:
        if self.score is None and self.conversion is None and self.value is None:
            raise ValueError("score: a score, a conversion or a value is needed")
        return self


class SettingField(Record):
    """Ask the upstream system to set a custom field; the value is a template."""

    type: Literal["custom_field"]
    name: CustomName
    value: Annotated[str, Field(max_length=VALUE_CHARACTERS_MAX)]


Action = Annotated[
    RunWebhook | SendEmail | SendText | Tagging | Scoring | SettingField,
    Field(discriminator="type"),
]


class Trigger(Record):
    """Actions for activities at any of `positions` that `conditions` accept.

    A trigger without positions runs only where something names it: a webhook's failure trigger, a
    `run` call, an IVR menu. With a `delay` the actions, not the decision, wait so long.
    """

    kind: Literal["trigger"] = "trigger"
    id: SlugLike
    account_id: AccountId
    name: Name
    description: Text = ""
    positions: Annotated[Many[Position], Field(max_length=20)] = ()
    enabled: bool = True
    conditions: Conditions | None = None
    delay: TierName | None = None
    actions: Annotated[Many[Action], Field(min_length=1, max_length=ACTIONS_MAX)]
    version: int = 1
    created_at: Time | None = None
    updated_at: Time | None = None
