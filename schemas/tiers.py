"""The delay tiers: one topic for each, in which a job waits for a fixed time before it is due.

Equal delays make each partition first in, first out, so its head is always due first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

_SECOND_MS: Final = 1_000
_MINUTE_MS: Final = 60 * _SECOND_MS
_HOUR_MS: Final = 60 * _MINUTE_MS


@dataclass(frozen=True, slots=True)
class Tier:
    """A delay that has a topic of its own; `name` is how retry schedules spell it."""

    name: str
    delay_ms: int

    @property
    def topic(self) -> str:
        """The tier's topic, without the installation's prefix."""
        return f"retry.{self.name}"


TIERS: Final[tuple[Tier, ...]] = (
    Tier("5s", 5 * _SECOND_MS),
    Tier("30s", 30 * _SECOND_MS),
    Tier("2m", 2 * _MINUTE_MS),
    Tier("10m", 10 * _MINUTE_MS),
    Tier("30m", 30 * _MINUTE_MS),
    Tier("1h", _HOUR_MS),
    Tier("3h", 3 * _HOUR_MS),
    Tier("6h", 6 * _HOUR_MS),
    Tier("12h", 12 * _HOUR_MS),
    Tier("24h", 24 * _HOUR_MS),
)

TierName = Literal["5s", "30s", "2m", "10m", "30m", "1h", "3h", "6h", "12h", "24h"]
assert tuple(tier.name for tier in TIERS) == TierName.__args__  # type: ignore[attr-defined]  # noqa: S101

TIER_BY_NAME: Final[dict[str, Tier]] = {tier.name: tier for tier in TIERS}


def tier_at_least(delay_ms: int) -> Tier:
    """The shortest tier that waits `delay_ms` or longer; the longest one when none does."""
    return next((tier for tier in TIERS if tier.delay_ms >= delay_ms), TIERS[-1])
