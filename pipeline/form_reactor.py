"""A form as CallTrackingMetrics' FormReactor takes it, made an event at the phase `form`.

A field has our name (`caller_number`, `source`, `custom_…`) or CTM's, at the top, inside
`form_reactor`, or in brackets as a web page writes it. Custom fields live under `custom_…` and in
`custom_fields` and nowhere else, so none can take the place of a field of the activity's own. What
is blank was not given, and what is unknown is passed over and named in a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.paths import as_text
from pipeline.phone_numbers import e164
from schemas.codec import FAULTS_MAX, Fault, Malformed, encode, validate
from schemas.event import EVENT_BYTES_MAX, ID_CHARACTERS_MAX, Event
from schemas.ids import content_hash, derived_event_id

FORM: Final = "form"
CUSTOM_FIELDS_MAX: Final = 200
NAME_CHARACTERS_MAX: Final = 100
TEXT_CHARACTERS_MAX: Final = 2_000

_CUSTOM: Final = "custom_"
_CUSTOM_FIELDS: Final = "custom_fields"
_LABELS: Final = ("label", "labels")
_CUSTOMS: Final = ("field", _CUSTOM_FIELDS)
_GROUPS: Final = ("form_reactor", *_CUSTOMS, *_LABELS)
_BRACKETED: Final = re.compile(rf"({'|'.join(_GROUPS)})\[([^\[\]]*)\]")

_ALIASES: Final = {"phone_number": "caller_number"}
# Where each field of CTM's goes, by the name that it has there.
_OF_ACTIVITY: Final[tuple[str, ...]] = ("email", "visitor_sid")
_OF_FORM: Final[tuple[str, ...]] = (
    *("type", "callback_number", "delay_calling_by", "unique_form_id", "id", "domain"),
)
_FIELDS: Final = frozenset(
    {"caller_number", "country_code", "caller_name", "name", "source", *_OF_ACTIVITY, *_OF_FORM}
)


@dataclass(frozen=True, slots=True)
class Submission:
    """A form that was sent: to which form, with which fields, and when.

    `drawn` makes its id when the fields hold no `unique_form_id`.
    """

    account_id: int
    form_id: str
    fields: Mapping[str, Any]
    at_ms: int
    occurred_at: str
    drawn: str


@dataclass(frozen=True, slots=True)
class FormEvent:
    """The event, and what of the form went unused."""

    event: Event
    warnings: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value, its `place` as it was written, and its name in its group; `""` is no group."""

    place: str
    group: str
    name: str
    value: Any


@dataclass(slots=True)
class _Found:
    """The fields of a form, sorted."""

    texts: dict[str, str] = field(default_factory=dict)
    # Where each field was, also one that is a fault.
    places: dict[str, str] = field(default_factory=dict)
    customs: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)


def form_event(submission: Submission) -> FormEvent:
    """The event that a form makes; raises `Malformed` with every fault, by the field's place."""
    found = _Found()
    for entry in _entries(submission.fields, found):
        _sort(entry, found)
    if len(found.customs) > CUSTOM_FIELDS_MAX:
        message = f"a form has at most {CUSTOM_FIELDS_MAX} custom fields"
        found.faults.append(Fault(_CUSTOM_FIELDS, message))
    if not 0 < len(submission.form_id) <= ID_CHARACTERS_MAX or not submission.form_id.isprintable():
        message = f"a form's name, in the path, has 1 to {ID_CHARACTERS_MAX} printable characters"
        found.faults.append(Fault("id", message))
    number = _number(found)
    if found.faults:
        raise Malformed(tuple(found.faults[:FAULTS_MAX]))
    event = _event(submission, found, number)
    return FormEvent(event, tuple(found.warnings[:FAULTS_MAX]))


def _entries(fields: Mapping[str, Any], found: _Found) -> Iterator[_Entry]:
    """Every value by itself, whichever way it is nested."""
    for name, value in fields.items():
        bracketed = _BRACKETED.fullmatch(name)
        if bracketed:
            yield _Entry(name, bracketed[1], bracketed[2], value)
        elif name not in _GROUPS:
            yield _Entry(name, "", name, value)
        elif isinstance(value, dict):
            for inner, each in value.items():
                yield _Entry(f"{name}.{inner}", name, inner, each)
        elif value not in (None, ""):
            found.faults.append(Fault(name, "must be an object"))


def _sort(entry: _Entry, found: _Found) -> None:
    if entry.group in _LABELS:
        _label(entry, found)
    elif entry.group in _CUSTOMS or entry.name.startswith(_CUSTOM):
        _custom(entry, found)
    else:
        _built_in(entry, found)


def _built_in(entry: _Entry, found: _Found) -> None:
    name = _ALIASES.get(entry.name, entry.name)
    if name not in _FIELDS:
        message = "is unknown and was passed over; what is your own has a name like custom_…"
        found.warnings.append(Fault(entry.place, message))
        return
    text = _text(entry, found)
    if text == "":
        return
    place = found.places.setdefault(name, entry.place)
    if text is not None and found.texts.setdefault(name, text) != text:
        message = f"is the same field as {place}, which says another thing"
        found.faults.append(Fault(entry.place, message))


def _text(entry: _Entry, found: _Found) -> str | None:
    """The value as a text, empty when it was not given, None when it is a fault."""
    value = entry.value
    text = None if isinstance(value, bool | float) else as_text("" if value is None else value)
    if text is None:
        found.faults.append(Fault(entry.place, "must be text"))
    elif len(text) > TEXT_CHARACTERS_MAX:
        message = f"has {len(text)} characters, more than {TEXT_CHARACTERS_MAX}"
        found.faults.append(Fault(entry.place, message))
    else:
        return text.strip()
    return None


def _custom(entry: _Entry, found: _Found) -> None:
    name = entry.name.removeprefix(_CUSTOM)  # inside custom_fields some write it, too
    if not _may_be_name(name):
        message = f"a custom field's name has 1 to {NAME_CHARACTERS_MAX} printable characters"
        found.faults.append(Fault(entry.place, message))
    elif f"{_CUSTOM}{name}" == _CUSTOM_FIELDS:
        message = "no custom field may have this name, where all of them stand"
        found.faults.append(Fault(entry.place, message))
    elif not _is_plain(entry.value):
        message = "must be text, a number, true or false, or a list of these"
        found.faults.append(Fault(entry.place, message))
    elif entry.value is not None and found.customs.setdefault(name, entry.value) != entry.value:
        message = "is given before with another value"
        found.faults.append(Fault(entry.place, message))


def _may_be_name(name: str) -> bool:
    return 0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable()


def _is_plain(value: object) -> bool:
    """Whether a form can hold it: nothing nested, but for the choices of a list."""
    values = value if isinstance(value, list) else [value]
    return not any(isinstance(each, dict | list) for each in values)


def _label(entry: _Entry, found: _Found) -> None:
    label = _text(entry, found)
    if label:
        found.labels[entry.name.removeprefix(_CUSTOM)] = label


def _number(found: _Found) -> str:
    """The caller's number in E.164, a fault where there is none."""
    if "caller_number" not in found.places:
        message = "required, but missing; its other name is phone_number"
        found.faults.append(Fault("caller_number", message))
    given = found.texts.get("caller_number")
    if given is None:
        return ""
    try:
        return e164(given, found.texts.get("country_code"))
    except Malformed as malformed:
        for fault in malformed.faults:
            found.faults.append(Fault(found.places[fault.field], fault.message))
        return ""


def _event(submission: Submission, found: _Found, number: str) -> Event:
    activity_id = _activity_id(submission, found)
    fields = {
        "event_id": derived_event_id(submission.account_id, activity_id, FORM, ""),
        "account_id": submission.account_id,
        "phase": FORM,
        "occurred_at": submission.occurred_at,
        "activity": {
            "id": activity_id,
            "account_id": submission.account_id,
            "direction": FORM,
            "unix_time": submission.at_ms // 1_000,
            "caller_number": number,
            "source": found.texts.get("source", submission.form_id),
            **_named(found),
            **{name: found.texts[name] for name in _OF_ACTIVITY if name in found.texts},
            "form": _form(submission, found),
            _CUSTOM_FIELDS: found.customs,
            **{f"{_CUSTOM}{name}": value for name, value in found.customs.items()},
        },
    }
    event = validate(Event, fields)
    size_bytes = len(encode(event))
    if size_bytes > EVENT_BYTES_MAX:
        message = f"{size_bytes} bytes, more than the {EVENT_BYTES_MAX} an event may have"
        raise Malformed((Fault("", message),))
    return event


def _activity_id(submission: Submission, found: _Found) -> str:
    """The same for the same `unique_form_id` of the same form; no call's id can be like it."""
    unique = found.texts.get("unique_form_id")
    if unique is None:
        return f"form_{submission.drawn}"
    return f"form_{content_hash(f'{len(unique)}:{unique}{submission.form_id}'.encode())}"


def _named(found: _Found) -> dict[str, str]:
    """The caller's name. `name` is that too, unless `caller_name` is: then it is the form's."""
    name = found.texts.get("caller_name", found.texts.get("name"))
    return {} if name is None else {"name": name}


def _form(submission: Submission, found: _Found) -> dict[str, Any]:
    own = {"form_id": submission.form_id}
    if "caller_name" in found.texts and "name" in found.texts:
        own["form_name"] = found.texts["name"]
    custom = [
        {"id": name, "label": found.labels.get(name, name), "value": value}
        for name, value in found.customs.items()
    ]
    of_form = {name: found.texts[name] for name in _OF_FORM if name in found.texts}
    return {**own, **of_form, "custom": custom}
