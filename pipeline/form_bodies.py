"""Fields as a web page sends them: `application/x-www-form-urlencoded`, each name once."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from schemas.codec import FAULTS_MAX, Fault, Malformed

FORM_TYPE: Final = "application/x-www-form-urlencoded"
# The longest questionnaires have a few hundred.
FORM_FIELDS_MAX: Final = 1_000


def parse_form(data: bytes) -> dict[str, str]:
    """The fields of a body by name, blank ones too; raises `Malformed`."""
    try:
        pairs = parse_qsl(
            data.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FORM_FIELDS_MAX,
        )
    except UnicodeDecodeError:
        raise Malformed((Fault("", "the form is not UTF-8"),)) from None
    except ValueError:
        message = f"a form has at most {FORM_FIELDS_MAX} fields"
        raise Malformed((Fault("", message),)) from None
    fields: dict[str, str] = {}
    twice: dict[str, None] = {}
    for name, value in pairs:
        if name in fields:
            twice[name] = None
        fields[name] = value
    if twice:
        names = [*twice][:FAULTS_MAX]
        raise Malformed(tuple(Fault(name, "is given more than once") for name in names))
    return fields
