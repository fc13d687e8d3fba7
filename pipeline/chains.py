"""The chain: what led to an event, a job or a notice, oldest first, so that every loop ends.

Upstream repeats the chain of a command in the event that tells of the change.
"""

from __future__ import annotations

from typing import Final

from schemas.common import CHAIN_MAX

# A webhook that fails runs a trigger, whose webhook fails and runs another: nobody means more.
DEPTH_MAX: Final = 3

_TRIGGER: Final = "trigger/"


def trigger_link(trigger_id: str) -> str:
    """The link of a trigger that was run."""
    return f"{_TRIGGER}{trigger_id}"


def webhook_link(webhook_id: str) -> str:
    """The link of a webhook that failed."""
    return f"webhook/{webhook_id}"


def depth_of(chain: tuple[str, ...]) -> int:
    """How many triggers are in a chain."""
    return sum(link.startswith(_TRIGGER) for link in chain)


def run_by(chain: tuple[str, ...]) -> str | None:
    """The trigger that a chain ends with, if it does."""
    last = chain[-1] if chain else ""
    return last.removeprefix(_TRIGGER) if last.startswith(_TRIGGER) else None


def is_at_its_end(chain: tuple[str, ...]) -> bool:
    """Whether nothing more is triggered by what came of this; also where one link has no room."""
    return depth_of(chain) >= DEPTH_MAX or len(chain) >= CHAIN_MAX
