"""The triggers of all accounts: by id, and by the phases that run them."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.trigger_conditions import CompiledConditions, compile_conditions
from schemas.codec import Fault, Malformed
from schemas.trigger import Trigger


@dataclass(frozen=True, slots=True)
class HeldTrigger:
    """A trigger and its conditions, compiled once for all the events to come."""

    trigger: Trigger
    conditions: CompiledConditions


class TriggerIndex:
    """Triggers, looked up for each event: most accounts have none."""

    def __init__(self) -> None:
        """Hold none."""
        self._by_id: dict[int, dict[str, HeldTrigger]] = {}
        self._by_phase: dict[tuple[int, str], dict[str, HeldTrigger]] = {}

    def add(self, trigger: Trigger) -> None:
        """Take in a trigger whose id its account has not in use; raises `Malformed`."""
        held = HeldTrigger(trigger, _compiled(trigger))
        self._by_id.setdefault(trigger.account_id, {})[trigger.id] = held
        for phase in trigger.positions:
            self._by_phase.setdefault((trigger.account_id, phase), {})[trigger.id] = held

    def remove(self, trigger: Trigger) -> None:
        """Take a trigger out."""
        owned = self._by_id[trigger.account_id]
        del owned[trigger.id]
        if not owned:
            del self._by_id[trigger.account_id]
        for phase in dict.fromkeys(trigger.positions):
            where = (trigger.account_id, phase)
            there = self._by_phase[where]
            del there[trigger.id]
            if not there:
                del self._by_phase[where]

    def find(self, account_id: int, trigger_id: str) -> HeldTrigger | None:
        """The account's trigger with this id."""
        return self._by_id.get(account_id, {}).get(trigger_id)

    def at(self, account_id: int, phase: str) -> tuple[HeldTrigger, ...]:
        """The account's triggers that a phase runs, enabled or not, by id."""
        return _by_id(self._by_phase.get((account_id, phase), {}))

    def of(self, account_id: int) -> tuple[HeldTrigger, ...]:
        """All triggers of the account, by id."""
        return _by_id(self._by_id.get(account_id, {}))


def _by_id(held: dict[str, HeldTrigger]) -> tuple[HeldTrigger, ...]:
    return tuple(held[trigger_id] for trigger_id in sorted(held))


def _compiled(trigger: Trigger) -> CompiledConditions:
    try:
        return compile_conditions(trigger.conditions)
    except Malformed as malformed:
        raise Malformed(
            tuple(Fault(f"conditions.{fault.field}", fault.message) for fault in malformed.faults)
        ) from None
