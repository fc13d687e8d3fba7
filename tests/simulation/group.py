"""The senders of a world and what happens to them: deaths, freezes, lost links, rebalances.

Partitions move from sender to sender: handed over, when both know it, or taken away, when the one
who had them learns of it later and has gone on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.sender import Sender
from tests.simulation.world import PARTITIONS, World

# As the embedded broker is set; what was in flight has as long at a hand-over.
SESSION_MS = 2_000
RELEASE_MS_MAX = 2_000
# A sender that had no proof of its membership for so long begins nothing more.
LEASE_MS = 3_000


class Group:
    """Two senders, of which one has each partition as a rule."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.senders = [Sender(world), Sender(world)]
        for number in range(PARTITIONS):
            self.give(number, self.senders[number % 2])

    def disturb(self) -> None:
        """One thing goes wrong."""
        faults: list[Callable[[Sender], None]] = [
            *(self.kill, self.kill, self.freeze, self.cut_off, self.rebalance)
        ]
        self.world.chance.choice(faults)(self.world.chance.choice(self.senders))

    def kill(self, sender: Sender) -> None:
        """SIGKILL; it is started again, before or after its session is over."""
        if not sender.is_alive:
            return
        self.world.note("crash")
        sender.crash()
        self.interrupt(sender, self.held_by(sender))
        self.world.at(SESSION_MS, lambda: self.take_away(sender))
        down_ms = self.world.chance.choice([1, 200, 8_000])
        self.world.at(down_ms, lambda: self.start_again(sender))

    def freeze(self, sender: Sender) -> None:
        """SIGSTOP and SIGCONT: when it wakes it is in doubt until it is told, or has a proof."""
        frozen_ms = self.world.between(200, 20_000)
        self.world.note("freeze", frozen_ms)
        sender.frozen_until_ms = self.world.now_ms + frozen_ms
        sender.is_certain = False
        if frozen_ms > SESSION_MS:
            self.world.at(SESSION_MS, lambda: self.take_away(sender))
        sender.later(frozen_ms + self.world.between(1, 100), lambda: self.tell(sender))

    def cut_off(self, sender: Sender) -> None:
        """It cannot reach the group, and does not know until its lease is over."""
        cut_ms = self.world.between(200, 10_000)
        self.world.note("cut off", cut_ms)
        if cut_ms > LEASE_MS:
            sender.later(LEASE_MS, lambda: setattr(sender, "is_certain", False))
        if cut_ms > SESSION_MS:
            self.world.at(SESSION_MS, lambda: self.take_away(sender))
        sender.later(cut_ms + self.world.between(1, 100), lambda: self.tell(sender))

    def rebalance(self, sender: Sender) -> None:
        """Hand a partition over to the other: what is in flight has a while to end."""
        held = self.held_by(sender)
        other = self.other(sender)
        if not held or not other.is_alive or not sender.is_alive:
            return
        number = self.world.chance.choice(held)
        self.world.note("rebalance", number)
        until_ms = self.world.now_ms + RELEASE_MS_MAX

        def begin() -> None:
            if self.world.owners.get(number) is not sender:
                return
            epochs = sender.release([number])
            sender.later(1, lambda: finish(epochs))

        def finish(epochs: frozenset[int]) -> None:
            if self.world.owners.get(number) is not sender:
                return
            if sender.is_busy_with(epochs) and self.world.now_ms < until_ms:
                sender.later(10, lambda: finish(epochs))
                return
            sender.commit()
            self.interrupt(sender, [number])
            sender.lose([number])
            self.give(number, other if other.is_alive else sender)

        sender.later(1, begin)

    def take_away(self, sender: Sender) -> None:
        """Its session is over: its partitions are another's, or nobody's until somebody comes."""
        numbers = self.held_by(sender)
        self.interrupt(sender, numbers)
        self.world.owners |= dict.fromkeys(numbers)
        self.share_out(but=sender)

    def tell(self, sender: Sender) -> None:
        """It reaches the group again, and learns what it has lost."""
        held = {key[1] for key in sender.assignments.keys}
        lost = sorted(number for number in held if not sender.owns(number))
        if lost:
            self.world.note("lost", *lost)
            sender.lose(lost)
        sender.is_certain = True
        sender.start_jobs()
        self.share_out()

    def start_again(self, dead: Sender) -> None:
        sender = Sender(self.world)
        self.senders[self.senders.index(dead)] = sender
        self.share_out()

    def share_out(self, but: Sender | None = None) -> None:
        """Give what nobody has to whoever is there."""
        for number, owner in list(self.world.owners.items()):
            alive = [it for it in self.senders if it.is_alive and it is not but]
            if owner is None and alive:
                self.give(number, self.world.chance.choice(alive))

    def give(self, number: int, sender: Sender) -> None:
        self.world.owners[number] = sender
        self.world.terms[number] += 1
        term = self.world.terms[number]

        def assign() -> None:
            if self.world.terms[number] == term:
                sender.assign([number])

        sender.later(self.world.between(1, 100), assign)

    def interrupt(self, sender: Sender, numbers: list[int]) -> None:
        """What is not on record now will be repeated, and rightly so."""
        for place in sender.under_way:
            if place.partition in numbers:
                sender.interrupt(place)

    def held_by(self, sender: Sender) -> list[int]:
        return [number for number, owner in self.world.owners.items() if owner is sender]

    def other(self, sender: Sender) -> Sender:
        """The other one, or what was started in its place."""
        return next(it for it in self.senders if it is not sender)
