"""The transport that makes strict consumers: the only place where Faust asks for a consumer."""

from __future__ import annotations

from typing import ClassVar

from faust.transport.drivers.aiokafka import Transport
from faust.types.transports import ConsumerT

from agents.strict.consumer import StrictConsumer


class StrictTransport(Transport):
    """aiokafka's transport with our consumer in it."""

    Consumer: ClassVar[type[ConsumerT]] = StrictConsumer
