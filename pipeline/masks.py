"""Secrets as they are shown, and what a mask that comes back stands for.

Every secret is shown as the mask. A write that holds the mask where a secret is keeps that secret,
so that what was read can be written back: a header's goes by the header's name, a signing secret's
by its place in the list. Where there is no secret, the mask stands for nothing and is a fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pipeline.requests import MASK
from pipeline.sealing import Sealable, secrets_in
from schemas.codec import Fault
from schemas.source import BasicVerification, Source
from schemas.webhook import Webhook

_NOTHING: Final = f"{MASK} keeps a secret that is there, and there is none here: write it out"


def masked(record: Sealable) -> dict[str, Any]:
    """The record as JSON values, with the mask for every secret; an empty text is none."""
    fields: dict[str, Any] = record.model_dump(mode="json")
    places = _of_source(fields) if isinstance(record, Source) else _of_webhook(fields)
    for holder, name in places:
        holder[name] = holder[name] and MASK
    return fields


def unmasked(
    fields: dict[str, Any], current: Sealable | None
) -> tuple[dict[str, Any], list[Fault]]:
    """`fields` with what the record has now, plain or sealed, for each mask; and the faults.

    The fields may be of any form: whatever is wrong with them is another's to find.
    """
    faults: list[Fault] = []
    result = dict(fields)
    if isinstance(fields.get("headers"), list):
        result["headers"] = _headers(fields["headers"], current, faults)
    for name, inner, known in (
        ("basic_auth", "password", _password(current)),
        ("signing", "secrets", _secrets(current)),
        ("verification", "password", _password(current)),
        ("verification", "secrets", _secrets(current)),
    ):
        given = result.get(name)
        if isinstance(given, dict) and inner in given:
            value = _kept(given[inner], known, f"{name}.{inner}", faults)
            result[name] = {**given, inner: value}
    return result, faults


def _headers(given: list[Any], current: Sealable | None, faults: list[Fault]) -> list[Any]:
    headed = current.headers if isinstance(current, Webhook) else ()
    known = {it.name.lower(): it.value for it in headed}
    headers = []
    for index, header in enumerate(given):
        if isinstance(header, dict) and header.get("value") == MASK:
            value = known.get(str(header.get("name")).lower())
            headers.append(
                {**header, "value": _kept(MASK, value, f"headers[{index}].value", faults)}
            )
        else:
            headers.append(header)
    return headers


def _kept(given: object, known: object, path: str, faults: list[Fault]) -> object:
    """What is meant by a value, or by each of a list's; `known` is of the same form."""
    if isinstance(given, list):
        texts = known if isinstance(known, tuple) else ()
        return [
            _kept(each, texts[at] if at < len(texts) else None, f"{path}[{at}]", faults)
            for at, each in enumerate(given)
        ]
    if given != MASK:
        return given
    if not known:
        faults.append(Fault(path, _NOTHING))
    return known


def _password(record: Sealable | None) -> str | None:
    if isinstance(record, Source):
        asked = record.verification
        return asked.password if isinstance(asked, BasicVerification) else None
    auth = None if record is None else record.basic_auth
    return None if auth is None else auth.password


def _secrets(record: Sealable | None) -> tuple[str, ...]:
    if isinstance(record, Source):
        return secrets_in(record.verification)
    return () if record is None else record.signing.secrets


def _of_webhook(fields: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Each container of a secret with the secret's name or place in it."""
    for header in fields["headers"]:
        yield header, "value"
    if fields["basic_auth"] is not None:
        yield fields["basic_auth"], "password"
    secrets = fields["signing"]["secrets"]
    yield from ((secrets, at) for at in range(len(secrets)))


def _of_source(fields: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """The same of a source."""
    asked = fields["verification"]
    if "password" in asked:
        yield asked, "password"
    secrets = asked.get("secrets", [])
    yield from ((secrets, at) for at in range(len(secrets)))
