"""The only place where secrets are decrypted: just before a request is made of them.

A webhook that was opened is remembered until its record is another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.sealing import has_sealed_secrets, opened
from pipeline.secret_keys import SecretKey
from schemas.webhook import Webhook

# As many as a sender is likely to call within minutes; one more starts the memory anew.
REMEMBERED_MAX: Final = 10_000


class SecretOpener:
    """Opens the secrets of webhooks with the keys of this process."""

    def __init__(self, keys: Sequence[SecretKey]) -> None:
        """Without keys only what is not sealed can be sent."""
        self._keys = tuple(keys)
        self._known: dict[tuple[int, str], tuple[Webhook, Webhook]] = {}

    def opened(self, webhook: Webhook) -> Webhook:
        """The webhook with its secrets in plain; raises `Malformed` naming those nobody can open.

        Whoever mends that, by giving the keys or by applying the secrets again, needs do no more.
        """
        if not has_sealed_secrets(webhook):
            return webhook
        name = (webhook.account_id, webhook.id)
        record, plain = self._known.get(name, (None, webhook))
        if record is not webhook:
            plain = opened(webhook, self._keys)
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known[name] = (webhook, plain)
        return plain
