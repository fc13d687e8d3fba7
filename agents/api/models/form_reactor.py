"""What is asked and answered when a form is taken in."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, GetJsonSchemaHandler, JsonValue, RootModel
from pydantic_core import CoreSchema

from agents.api.models.base import Answer
from agents.api.problems import FieldFault

_TEXT: Final = {"type": ["string", "integer", "null"]}
_OBJECT: Final = {"type": ["object", "null"]}
_NAMED: Final[dict[str, str]] = {
    "caller_number": "Required, here or as `phone_number`: with its country's code, or with "
    "`country_code` beside it.",
    "phone_number": "CTM's name of `caller_number`.",
    "country_code": "A calling code such as 1 or 44, or a country such as US.",
    "name": "The caller's name; beside `caller_name`, the form's.",
    "caller_name": "The caller's name.",
    "email": "The caller's address.",
    "source": "The tracking source; the form's name in the path, unless given.",
    "visitor_sid": "The visitor's session on the web site.",
    "unique_form_id": "The sender's own id of what was filled in: sent again it is the same event.",
    "type": "Kept as `form.type`.",
    "callback_number": "Kept as `form.callback_number`; nobody is called.",
    "delay_calling_by": "Kept as `form.delay_calling_by`; nobody is called.",
    "id": "Kept as `form.id`.",
    "domain": "Kept as `form.domain`.",
}
_NESTED: Final[dict[str, str]] = {
    "custom_fields": "Custom fields by name; in a web form `custom_fields[name]`.",
    "form_reactor": "Any of the fields above, as CTM nests them.",
    "field": "The same as `custom_fields`.",
    "label": "What people call the custom fields, by name.",
    "labels": "The same as `label`.",
}


class FormBody(RootModel[dict[str, JsonValue]]):
    """A form's fields, JSON or as a web page sends them. Custom fields have names `custom_…`."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The schema of what `pipeline.form_reactor` reads."""
        texts = {name: {**_TEXT, "description": said} for name, said in _NAMED.items()}
        objects = {name: {**_OBJECT, "description": said} for name, said in _NESTED.items()}
        return {
            "title": "FormBody",
            "description": cls.__doc__,
            "type": "object",
            "properties": texts | objects,
            "example": {
                "phone_number": "(720) 555-0123",
                "country_code": "1",
                "caller_name": "Ann Lee",
                "custom_account_number": "A-17",
                "unique_form_id": "entry-481",
            },
        }


class FormAnswer(Answer):
    """The activity that the form became. Its events are in Kafka, and will not be lost."""

    status: Literal["success"]
    id: str = Field(description="The activity's id.")
    event_id: str = Field(description="Of the event at `form`.")
    event_ids: list[str] = Field(description="Of that event, and of the one at `end`.")
    activity: dict[str, Any] = Field(description="The activity, as webhooks send it.")
    warnings: list[FieldFault] = Field(description="What was passed over.")
