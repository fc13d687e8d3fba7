"""All that one case needs, brought up and taken down: an installation, a receiver, a publisher.

The installation is what `hookline up` runs, on a directory that goes with the case, with a broker
of its own. Its requests may go nowhere but to the receiver.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from agents.bench.cases import Case, Options
from agents.bench.children import PublisherProcess, ReceiverProcess
from agents.bench.plan import HOST, Plan
from agents.bench.publisher import Stream
from agents.bench.usage import UsageMeter
from agents.broker.progress import on_stderr
from agents.configs.applying import write_plan
from agents.configs.topic import ConfigTopic
from agents.demo.journal import Journal
from agents.kafka.clients import bootstrap_servers
from agents.up.installation import Installation, Voices
from pipeline.changes import plan_changes
from pipeline.settings import Settings
from schemas.topics import ACTIVITIES

RECEIVER: Final = "receiver"
PUBLISHER: Final = "publisher"

# Requests that hang are not waited for when a case is over.
_DRAIN_TIMEOUT_S: Final = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """What a case is played on."""

    plan: Plan
    installation: Installation
    receiver: ReceiverProcess
    publisher: PublisherProcess
    meter: UsageMeter

    @property
    def settings(self) -> Settings:
        """The installation's settings, with its broker."""
        return self.installation.settings

    def apply(self) -> None:
        """Write the plan's accounts and webhooks as `hookline apply` does; in effect on return."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with ConfigTopic(self.settings) as topic:
            records = self.plan.records(self.receiver.port)
            write_plan(topic, plan_changes(records, topic.configs, now=now))

    async def watch(self) -> None:
        """Let the meter know the processes as they are now."""
        children = await self.installation.health()
        pids = {it.name: it.pid for it in children if it.pid != os.getpid()}
        self.meter.watch(pids | {RECEIVER: self.receiver.pid, PUBLISHER: self.publisher.pid})


@contextmanager
def staged(
    case: Case,
    options: Options,
    base: Settings,
    tell: Callable[[str], None],
) -> Iterator[Stage]:
    """Everything but the agents, which are started in an event loop; gone when the block ends."""
    plan = case.plan()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="hookline-bench-")))
        receiver = stack.enter_context(ReceiverProcess(directory / "arrivals"))
        journal = Journal(directory / "agents.log")
        stack.callback(journal.close)
        voices = Voices(tell, journal.write, on_stderr)
        settings = _settings(base, directory / "data", receiver.port)
        installation = stack.enter_context(Installation(settings, voices, senders=case.senders))
        stream = Stream(
            bootstrap_servers(installation.settings),
            installation.settings.topic(ACTIVITIES),
            plan.turns,
            options.payload_bytes,
        )
        publisher = stack.enter_context(PublisherProcess(stream))
        meter = stack.enter_context(UsageMeter(others=frozenset({RECEIVER, PUBLISHER})))
        yield Stage(plan, installation, receiver, publisher, meter)


def _settings(base: Settings, data_dir: Path, receiver_port: int) -> Settings:
    return base.model_copy(
        update={
            "bootstrap_servers": None,
            "data_dir": data_dir,
            "allow_http": True,
            "egress_allow": f"{HOST}/32:{receiver_port}",
            "api_port": 0,
            "health_port": 0,
            "drain_timeout_s": _DRAIN_TIMEOUT_S,
            "log_format": "json",
        }
    )
