"""Admin keys from outside the API: the first one cannot be asked for with a key.

`up` keeps one in its data directory, readable by its owner only; other installations make theirs
with `hookline keys create --admin`, by whoever may write to the configs topic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agents.api.auth import authenticated
from agents.api.minting import Minted, minted
from agents.api.problems import Problem
from agents.broker.files import write_atomically
from agents.clock import now_ms, timestamp
from agents.configs.topic import ConfigTopic
from agents.errors import OperationError
from pipeline.changes import plan_changes
from pipeline.configs import Configs
from pipeline.settings import Settings

ADMIN_KEY_FILE: Final = "admin.key"


def read_admin_key(data_dir: Path) -> str | None:
    """The key that `up` keeps in its data directory; None where there is none to be read."""
    try:
        return (data_dir / ADMIN_KEY_FILE).read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def create_admin_key(settings: Settings, name: str) -> str:
    """A new admin key, known to every API when this returns; raises `OperationError`."""
    key = minted(None, name)
    with ConfigTopic(settings) as topic:
        _write(topic, key)
        topic.wait_until_effective()
    return key.token


def ensure_admin_key(settings: Settings) -> bool:
    """Have a valid key in the data directory; whether it had to be made.

    One that was revoked, or belongs to another broker, is replaced: whoever can read the directory
    may have one. Raises `OperationError`.
    """
    path = settings.data_dir / ADMIN_KEY_FILE
    with ConfigTopic(settings) as topic:
        if _is_valid(read_admin_key(settings.data_dir), topic.configs):
            return False
        key = minted(None, "admin key of up")
        try:
            write_atomically(path, f"{key.token}\n")  # mode 0600 from the beginning
        except OSError as error:
            raise OperationError(f"cannot write {path}: {error.strerror}") from None
        _write(topic, key)
    return True


def _write(topic: ConfigTopic, key: Minted) -> None:
    plan = plan_changes([key.record], topic.configs, now=timestamp(now_ms()))
    topic.write(list(plan.writes()))


def _is_valid(token: str | None, configs: Configs) -> bool:
    try:
        return authenticated(f"Bearer {token}", configs).is_admin
    except Problem:
        return False
