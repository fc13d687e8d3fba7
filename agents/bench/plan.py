"""Which webhooks a case needs, how their endpoints behave, and which event is owed to which. Pure.

Who is owed what is known from here alone, without asking the code that is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from schemas.account import Account
from schemas.config import Config
from schemas.webhook import Webhook

HOST: Final = "127.0.0.1"
FINE: Final = "fine"
HANG: Final = "hang"
TIMEOUT_S_DEFAULT: Final = 5


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook and how its endpoint behaves (see `receiver`).

    `shard`, if any, is what its filter wants of an activity. Only one that is `measured` is timed
    and missed: of the others it is their effect on these that counts.
    """

    number: int
    account_id: int
    behaviour: str = FINE
    timeout_s: float = TIMEOUT_S_DEFAULT
    shard: int | None = None
    measured: bool = True

    @property
    def webhook_id(self) -> str:
        """Its webhook's id."""
        return f"w{self.number}"

    @property
    def key(self) -> bytes:
        """The key of its jobs."""
        return f"{self.account_id}:{self.webhook_id}".encode()

    def webhook(self, port: int) -> Webhook:
        """Its webhook, with the receiver on `port`."""
        given: dict[str, Any] = {
            "id": self.webhook_id,
            "account_id": self.account_id,
            "name": self.webhook_id,
            "position": "end",
            "url": f"http://{HOST}:{port}/{self.number}/{self.behaviour}",
            "timeout_s": self.timeout_s,
        }
        if self.shard is not None:
            given["filter"] = {"all": [{"field": "shard", "op": "eq", "value": self.shard}]}
        return Webhook.model_validate(given)


@dataclass(frozen=True, slots=True)
class Addressee:
    """What an event says of whom it is for, and the numbers of the webhooks that it is owed to."""

    account_id: int
    shard: int
    owed: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """All webhooks, and the addressees to whom events go in turn."""

    endpoints: tuple[Endpoint, ...]
    addressees: tuple[Addressee, ...]

    @cached_property
    def measured(self) -> frozenset[int]:
        """The webhooks that are timed and missed."""
        return frozenset(it.number for it in self.endpoints if it.measured)

    @cached_property
    def well(self) -> Plan:
        """The same endpoints, with events for measured ones only: what a warm-up is made of."""
        well = tuple(to for to in self.addressees if self.measured.issuperset(to.owed))
        return Plan(self.endpoints, well)

    @property
    def turns(self) -> list[tuple[int, int]]:
        """The addressees as the publisher is told of them: (account, shard)."""
        return [(to.account_id, to.shard) for to in self.addressees]

    def records(self, port: int) -> Iterator[Config]:
        """The configuration: each account, then each webhook."""
        for account_id in dict.fromkeys(it.account_id for it in self.endpoints):
            yield Account.model_validate({"id": account_id, "name": f"Account {account_id}"})
        for endpoint in self.endpoints:
            yield endpoint.webhook(port)

    def owed(self, events: int) -> Iterator[tuple[int, int]]:
        """For the first `events` events of a load, each (event, webhook) that is owed."""
        for event in range(events):
            for webhook in self.addressees[event % len(self.addressees)].owed:
                yield event, webhook

    def owed_to_measured(self, events: int) -> int:
        """How many of these are owed to webhooks that are measured."""
        each = [sum(it in self.measured for it in to.owed) for to in self.addressees]
        rounds, rest = divmod(events, len(each))
        return rounds * sum(each) + sum(each[:rest])


def one_each(
    count: int, sick: int = 0, behaviour: str = FINE, *, timeout_s: float = TIMEOUT_S_DEFAULT
) -> Plan:
    """`count` accounts with a webhook each, events in turn; the endpoints of `sick` misbehave.

    These are spread evenly, as in reality they would not be neighbours.
    """
    ill = {number * count // sick for number in range(sick)} if sick else set()
    endpoints = tuple(
        Endpoint(
            number,
            number + 1,
            behaviour if number in ill else FINE,
            timeout_s,
            measured=number not in ill,
        )
        for number in range(count)
    )
    return Plan(endpoints, tuple(Addressee(it.account_id, 0, (it.number,)) for it in endpoints))


def behaving(count: int, behaviour: str) -> Plan:
    """`count` accounts with a webhook each, all of which behave in one way and are measured."""
    endpoints = tuple(Endpoint(number, number + 1, behaviour) for number in range(count))
    return Plan(endpoints, tuple(Addressee(it.account_id, 0, (it.number,)) for it in endpoints))


def fan_out(count: int) -> Plan:
    """One account whose every event goes to `count` webhooks."""
    endpoints = tuple(Endpoint(number, 1) for number in range(count))
    return Plan(endpoints, (Addressee(1, 0, tuple(range(count))),))


def filtered(accounts: int, per_account: int) -> Plan:
    """Webhooks of which, by their filters, one in its account wants an event."""
    endpoints = tuple(
        Endpoint(number, number // per_account + 1, shard=number % per_account)
        for number in range(accounts * per_account)
    )
    return Plan(
        endpoints,
        tuple(Addressee(it.account_id, it.shard or 0, (it.number,)) for it in endpoints),
    )


def with_recovering(plan: Plan, count: int, behaviour: str) -> Plan:
    """The plan and `count` more webhooks that get no events: jobs are parked for them."""
    first = len(plan.endpoints)
    more = (
        Endpoint(number, number + 1, behaviour, measured=False)
        for number in range(first, first + count)
    )
    return Plan((*plan.endpoints, *more), plan.addressees)
