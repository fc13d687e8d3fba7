"""Where the keys come from: HOOKLINE_SECRET_KEYS, or the file that `up` keeps on its directory.

The file is readable by its owner only, and so is refused when it is not any more.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from agents.broker.files import write_atomically
from agents.errors import OperationError
from agents.up.state import running_up
from pipeline.sealing import NONCE_BYTES
from pipeline.secret_keys import KEY_BYTES, SecretKey, parse_keys, written
from pipeline.settings import Settings

KEY_FILE: Final = "secret.keys"
_OTHERS: Final = 0o077


def new_key() -> SecretKey:
    """A key that never was, with an id of its own."""
    return SecretKey(f"k{secrets.token_hex(4)}", secrets.token_bytes(KEY_BYTES))


def new_nonce() -> bytes:
    """Bytes to seal one text with."""
    return secrets.token_bytes(NONCE_BYTES)


def with_own_keys(settings: Settings) -> Settings:
    """`settings` with keys: without any, those in their data directory, where one is made.

    Raises `OperationError`.
    """
    if settings.secret_keys:
        return settings
    path = settings.data_dir / KEY_FILE
    try:
        if not path.exists():
            write_atomically(path, f"{written(new_key())}\n")  # mode 0600 from the beginning
    except OSError as error:
        raise OperationError(f"cannot write {path}: {error.strerror}") from None
    return settings.model_copy(update={"secret_keys": written(*_read(path))})


def keys_for(settings: Settings) -> tuple[SecretKey, ...]:
    """The keys of the installation that `settings` name; none when there are none to be found.

    Without the setting they are those of the `up` that runs on the data directory, unless another
    broker is named. Raises `OperationError` when they are there but should not be used.
    """
    if settings.secret_keys:
        return parse_keys(settings.secret_keys)
    up = running_up(settings.data_dir)
    if up is None or up.key_ids is None:
        return ()
    if settings.bootstrap_servers not in (None, up.shared.get("bootstrap_servers")):
        return ()
    path = settings.data_dir / KEY_FILE
    keys = _read(path)
    if keys[0].id not in up.key_ids:
        raise OperationError(
            f"the senders of the running `up` do not know the key {keys[0].id}, as {path} was "
            "changed since: start it again first"
        )
    return keys


def _read(path: Path) -> tuple[SecretKey, ...]:
    try:
        if path.stat().st_mode & _OTHERS:
            raise OperationError(f"{path} can be read by others: chmod 600 {path}")
        keys = parse_keys(path.read_text("ascii"))
    except OSError as error:
        raise OperationError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise OperationError(f"{path}: {error}") from None
    if not keys:
        raise OperationError(f"{path} holds no key")
    return keys
