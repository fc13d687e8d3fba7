"""Secrets as they are shown, and what a mask that comes back stands for.

Every secret is shown as the mask. A write that holds the mask where a secret is keeps that secret,
so that what was read can be written back: a header's goes by the header's name, a signing secret's
by its place in the list. Where there is no secret, the mask stands for nothing and is a fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pipeline.requests import MASK
from schemas.codec import Fault
from schemas.webhook import Webhook

_NOTHING: Final = f"{MASK} keeps a secret that is there, and there is none here: write it out"


def masked(webhook: Webhook) -> dict[str, Any]:
    """The webhook as JSON values, with the mask for every secret; an empty text is none."""
    fields: dict[str, Any] = webhook.model_dump(mode="json")
    for holder, name in _places(fields):
        holder[name] = holder[name] and MASK
    return fields


def unmasked(fields: dict[str, Any], current: Webhook | None) -> tuple[dict[str, Any], list[Fault]]:
    """`fields` with what the webhook has now, plain or sealed, for each mask; and the faults.

    The fields may be of any form: whatever is wrong with them is another's to find.
    """
    faults: list[Fault] = []
    result = dict(fields)
    if isinstance(fields.get("headers"), list):
        result["headers"] = _headers(fields["headers"], current, faults)
    for name, inner, known in (
        ("basic_auth", "password", _password(current)),
        ("signing", "secrets", _secrets(current)),
    ):
        given = fields.get(name)
        if isinstance(given, dict) and inner in given:
            value = _kept(given[inner], known, f"{name}.{inner}", faults)
            result[name] = {**given, inner: value}
    return result, faults


def _headers(given: list[Any], current: Webhook | None, faults: list[Fault]) -> list[Any]:
    known = {} if current is None else {it.name.lower(): it.value for it in current.headers}
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


def _password(webhook: Webhook | None) -> str | None:
    auth = None if webhook is None else webhook.basic_auth
    return None if auth is None else auth.password


def _secrets(webhook: Webhook | None) -> tuple[str, ...]:
    return () if webhook is None else webhook.signing.secrets


def _places(fields: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Each container of a secret with the secret's name or place in it."""
    for header in fields["headers"]:
        yield header, "value"
    if fields["basic_auth"] is not None:
        yield fields["basic_auth"], "password"
    secrets = fields["signing"]["secrets"]
    yield from ((secrets, at) for at in range(len(secrets)))
