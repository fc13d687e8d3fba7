"""A real Apache Kafka inside a Python application: no Docker, Java or Maven on the machine.

Nothing of it outlives the process that started it, and its data outlives everything.
"""

from __future__ import annotations

from agents.broker.embedded import EmbeddedBroker

__all__ = ["EmbeddedBroker"]
