"""Secrets of webhooks, sealed wherever they are kept: header values, passwords, signing secrets.

AES-256-GCM: a sealed text is `sealed:<key id>:<base64 of nonce and ciphertext>`, and what it is
authenticated with names account, record and field, so that one moved to another webhook or field
does not open there. An empty text is no secret and stays as it is. Keys and nonces are passed in.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.secret_keys import SecretKey
from schemas.codec import Fault, Malformed, validate
from schemas.config import key_of
from schemas.secret import SEALED, is_sealed
from schemas.webhook import Webhook

# Random ones of this length may be drawn 2^32 times under one key (NIST SP 800-38D, 8.3).
NONCE_BYTES: Final = 12

# Part of what is authenticated: no other scheme's text can pass for one of this.
_SCHEME: Final = "hookline secret 1"

Keys = tuple[SecretKey, ...]
# Gives 12 bytes that it never gave before.
Draw = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of a record: where it stands, what it is bound to, and its text."""

    path: str
    place: str
    text: str


def secrets_of(webhook: Webhook) -> Iterator[Secret]:
    """Each secret that the webhook has, plain or sealed."""
    owner = f"{_SCHEME}/{key_of(webhook)}"
    for index, header in enumerate(webhook.headers):
        # Bound to the name, as the order of headers means nothing.
        place = f"{owner}/header/{header.name.lower()}"
        yield Secret(f"headers[{index}].value", place, header.value)
    if webhook.basic_auth is not None:
        yield Secret("basic_auth.password", f"{owner}/password", webhook.basic_auth.password)
    for index, text in enumerate(webhook.signing.secrets):
        yield Secret(f"signing.secrets[{index}]", f"{owner}/signing", text)


def has_secrets(webhook: Webhook) -> bool:
    """Whether the webhook has a secret, plain or sealed."""
    return any(secret.text for secret in secrets_of(webhook))


def has_sealed_secrets(webhook: Webhook) -> bool:
    """Whether the webhook has to be opened before it can be sent."""
    return any(is_sealed(secret.text) for secret in secrets_of(webhook))


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


def opened(webhook: Webhook, keys: Keys) -> Webhook:
    """The webhook with every secret in plain; raises `Malformed` with each that cannot be had."""
    if not has_sealed_secrets(webhook):
        return webhook
    texts, faults = {}, []
    for secret in secrets_of(webhook):
        try:
            texts[secret.path] = _plain(secret, keys)
        except ValueError as error:
            faults.append(Fault(secret.path, str(error)))
    if faults:
        raise Malformed(tuple(faults))
    # Checked anew: a secret that was sealed for one signing scheme may be none for another.
    return validate(Webhook, _with_texts(webhook, texts).model_dump())


def sealed_anew(webhook: Webhook, keys: Keys, draw: Draw) -> Webhook:
    """The webhook with every secret sealed by the first key; itself when that is so already.

    Raises `Malformed` with each secret that cannot be opened.
    """
    plain = opened(webhook, keys)
    texts = {
        before.path: seal(after.text, keys[0], after.place, nonce=draw())
        for before, after in zip(secrets_of(webhook), secrets_of(plain), strict=True)
        if before.text and not before.text.startswith(f"{SEALED}{keys[0].id}:")
    }
    return _with_texts(webhook, texts) if texts else webhook


def sealed_like(wanted: Webhook, current: Webhook | None, keys: Keys, draw: Draw) -> Webhook:
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


def _known(webhook: Webhook, keys: Keys) -> dict[tuple[str, str], str]:
    """The sealed texts of a webhook by place and by what is in them."""
    known = {}
    for secret in secrets_of(webhook):
        if is_sealed(secret.text):
            try:
                known[secret.place, unseal(secret.text, keys, secret.place)] = secret.text
            except ValueError:
                continue
    return known


def _plain(secret: Secret, keys: Keys) -> str:
    return unseal(secret.text, keys, secret.place) if is_sealed(secret.text) else secret.text


def _with_texts(webhook: Webhook, texts: Mapping[str, str]) -> Webhook:
    """The webhook with other texts at the paths given."""
    headers = tuple(
        header.model_copy(update={"value": texts.get(f"headers[{index}].value", header.value)})
        for index, header in enumerate(webhook.headers)
    )
    auth = webhook.basic_auth
    if auth is not None:
        password = texts.get("basic_auth.password", auth.password)
        auth = auth.model_copy(update={"password": password})
    secrets = tuple(
        texts.get(f"signing.secrets[{index}]", text)
        for index, text in enumerate(webhook.signing.secrets)
    )
    signing = webhook.signing.model_copy(update={"secrets": secrets})
    return webhook.model_copy(update={"headers": headers, "basic_auth": auth, "signing": signing})
