"""Secrets of webhooks and sources, sealed wherever they are kept: header values, passwords, keys.

AES-256-GCM: a sealed text is `sealed:<key id>:<base64 of nonce and ciphertext>`, and what it is
authenticated with names account, record and field, so that one moved to another record or field
does not open there. An empty text is no secret and stays as it is. Keys and nonces are passed in.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.secret_keys import SecretKey
from schemas.codec import Fault, Malformed, validate
from schemas.config import key_of
from schemas.secret import SEALED, is_sealed
from schemas.source import BasicVerification, NoVerification, Source, Verification
from schemas.webhook import Webhook

# Random ones of this length may be drawn 2^32 times under one key (NIST SP 800-38D, 8.3).
NONCE_BYTES: Final = 12

# Part of what is authenticated: no other scheme's text can pass for one of this.
_SCHEME: Final = "hookline secret 1"

# The records that may hold secrets.
Sealable: TypeAlias = Webhook | Source
SealableT = TypeVar("SealableT", bound=Webhook | Source)

Keys = tuple[SecretKey, ...]
# Gives 12 bytes that it never gave before.
Draw = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of a record: where it stands, what it is bound to, and its text."""

    path: str
    place: str
    text: str


def secrets_of(record: Sealable) -> Iterator[Secret]:
    """Each secret that the record has, plain or sealed."""
    owner = f"{_SCHEME}/{key_of(record)}"
    if isinstance(record, Webhook):
        return _of_webhook(record, owner)
    return _of_source(record, owner)


def _of_webhook(webhook: Webhook, owner: str) -> Iterator[Secret]:
    for index, header in enumerate(webhook.headers):
        # Bound to the name, as the order of headers means nothing.
        place = f"{owner}/header/{header.name.lower()}"
        yield Secret(f"headers[{index}].value", place, header.value)
    if webhook.basic_auth is not None:
        yield Secret("basic_auth.password", f"{owner}/password", webhook.basic_auth.password)
    for index, text in enumerate(webhook.signing.secrets):
        yield Secret(f"signing.secrets[{index}]", f"{owner}/signing", text)


def _of_source(source: Source, owner: str) -> Iterator[Secret]:
    asked = source.verification
    if isinstance(asked, BasicVerification):
        yield Secret("verification.password", f"{owner}/password", asked.password)
    for index, text in enumerate(secrets_in(asked)):
        yield Secret(f"verification.secrets[{index}]", f"{owner}/verification", text)


def secrets_in(asked: Verification) -> tuple[str, ...]:
    """What a sender may prove itself with, but for a password."""
    return () if isinstance(asked, BasicVerification | NoVerification) else asked.secrets


def has_secrets(record: Sealable) -> bool:
    """Whether the record has a secret, plain or sealed."""
    return any(secret.text for secret in secrets_of(record))


def has_sealed_secrets(record: Sealable) -> bool:
    """Whether the record has to be opened before it can be used."""
    return any(is_sealed(secret.text) for secret in secrets_of(record))


def seal(text: str, key: SecretKey, place: str, *, nonce: bytes) -> str:
    """`text`, encrypted; it opens with the same key at the same place only."""
    ciphertext = AESGCM(key.key).encrypt(nonce, text.encode(), place.encode())
    return f"{SEALED}{key.id}:{base64.b64encode(nonce + ciphertext).decode()}"


def unseal(sealed: str, keys: Keys, place: str) -> str:
    """The text that was sealed at `place`; raises ValueError when it cannot be had, with why."""
    key_id, _, encoded = sealed.removeprefix(SEALED).partition(":")
    key = next((key for key in keys if key.id == key_id), None)
    if key is None:
        raise ValueError(f"it is sealed with the key {key_id}, which is not known here")
    try:
        data = base64.b64decode(encoded, validate=True)
        text = AESGCM(key.key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError):
        raise ValueError(
            f"the key {key_id} does not open it: another key had that id, or the text was changed "
            "or brought here from another place"
        ) from None
    return text.decode()


def opened(record: SealableT, keys: Keys) -> SealableT:
    """The record with every secret in plain; raises `Malformed` with each that cannot be had."""
    if not has_sealed_secrets(record):
        return record
    texts, faults = {}, []
    for secret in secrets_of(record):
        try:
            texts[secret.path] = _plain(secret, keys)
        except ValueError as error:
            faults.append(Fault(secret.path, str(error)))
    if faults:
        raise Malformed(tuple(faults))
    # Checked anew: a secret that was sealed for one signing scheme may be none for another.
    return validate(type(record), _with_texts(record, texts).model_dump())


def sealed_anew(record: SealableT, keys: Keys, draw: Draw) -> SealableT:
    """The record with every secret sealed by the first key; itself when that is so already.

    Raises `Malformed` with each secret that cannot be opened.
    """
    plain = opened(record, keys)
    texts = {
        before.path: seal(after.text, keys[0], after.place, nonce=draw())
        for before, after in zip(secrets_of(record), secrets_of(plain), strict=True)
        if before.text and not before.text.startswith(f"{SEALED}{keys[0].id}:")
    }
    return _with_texts(record, texts) if texts else record


def sealed_like(wanted: SealableT, current: Sealable | None, keys: Keys, draw: Draw) -> SealableT:
    """`wanted` with every secret sealed, as in `current` where it is the same secret.

    So nothing changes where no secret did. Raises `Malformed` with each secret of `wanted` that is
    sealed and cannot be opened; what `current` has and nobody can open is another secret.
    """
    known = {} if current is None else _known(current, keys)
    texts = {
        secret.path: known.get((secret.place, secret.text))
        or seal(secret.text, keys[0], secret.place, nonce=draw())
        for secret in secrets_of(opened(wanted, keys))
        if secret.text
    }
    return _with_texts(wanted, texts) if texts else wanted


def _known(record: Sealable, keys: Keys) -> dict[tuple[str, str], str]:
    """The sealed texts of a record by place and by what is in them."""
    known = {}
    for secret in secrets_of(record):
        if is_sealed(secret.text):
            try:
                known[secret.place, unseal(secret.text, keys, secret.place)] = secret.text
            except ValueError:
                continue
    return known


def _plain(secret: Secret, keys: Keys) -> str:
    return unseal(secret.text, keys, secret.place) if is_sealed(secret.text) else secret.text


def _with_texts(record: SealableT, texts: Mapping[str, str]) -> SealableT:
    """The record with other texts at the paths given."""
    return cast("SealableT", record.model_copy(update=_changes(record, texts)))


def _changes(record: Sealable, texts: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(record, Webhook):
        return _texts_of_webhook(record, texts)
    return _texts_of_source(record, texts)


def _texts_of_webhook(webhook: Webhook, texts: Mapping[str, str]) -> dict[str, Any]:
    headers = tuple(
        header.model_copy(update={"value": texts.get(f"headers[{index}].value", header.value)})
        for index, header in enumerate(webhook.headers)
    )
    auth = webhook.basic_auth
    if auth is not None:
        password = texts.get("basic_auth.password", auth.password)
        auth = auth.model_copy(update={"password": password})
    secrets = _texts_at("signing.secrets", webhook.signing.secrets, texts)
    signing = webhook.signing.model_copy(update={"secrets": secrets})
    return {"headers": headers, "basic_auth": auth, "signing": signing}


def _texts_of_source(source: Source, texts: Mapping[str, str]) -> dict[str, Any]:
    asked = source.verification
    changed: dict[str, Any] = (
        {"password": texts["verification.password"]}
        if isinstance(asked, BasicVerification)
        else {"secrets": _texts_at("verification.secrets", secrets_in(asked), texts)}
    )
    return {"verification": asked.model_copy(update=changed)}


def _texts_at(path: str, secrets: tuple[str, ...], texts: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(texts.get(f"{path}[{index}]", text) for index, text in enumerate(secrets))
