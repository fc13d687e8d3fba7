"""The demo itself: apply, publish, watch, measure, sum up; then leave everything running, or not.

It stands on what the commands stand on: `up`'s installation, `apply`'s steps, `publish`'s writer,
`bin`'s receiver.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final

from agents.configs.applying import apply_yaml
from agents.configs.view import read_configs
from agents.demo import scenario
from agents.demo.evidence import Evidence, EvidenceReader, now_s
from agents.demo.findings import Finding, PhaseRow, latency, phase_rows, special_cases
from agents.demo.screen import Screen
from agents.publish.writer import EventWriter
from agents.up.installation import Installation
from pipeline.matching import explain
from pipeline.settings import Settings
from schemas.codec import encode
from schemas.event import Event
from schemas.phases import END

# Two retries through five seconds each take eleven; the rest is for a machine that is busy.
_STORY_TIMEOUT_S: Final = 40
_READY_TIMEOUT_S: Final = 60

MEASURED_EVENTS: Final = 250
EVENTS_PER_SECOND: Final = 50
_MEASURED_TIMEOUT_S: Final = 10

_POLL_S: Final = 0.1

CONFIGURATION: Final = "demo.yaml"
EVENTS: Final = "events.jsonl"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where requests go: the receiver, and an address where nobody listens."""

    receiver: str
    dead_endpoint: str


class Demo:
    """One run over a started installation."""

    def __init__(
        self, installation: Installation, evidence: Evidence, addresses: Addresses, screen: Screen
    ) -> None:
        """`evidence` is what the receiver tells of its arrivals."""
        self._installation = installation
        self._evidence = evidence
        self._addresses = addresses
        self._screen = screen
        self._filter_reason = ""
        self._over = threading.Event()
        self._writer: EventWriter

    @property
    def _settings(self) -> Settings:
        return self._installation.settings

    async def run(self) -> bool:
        """Show everything; whether everything happened."""
        await asyncio.gather(
            asyncio.to_thread(self._apply), self._installation.until_ready(_READY_TIMEOUT_S)
        )
        self._screen.tell("agents are ready")
        reader = EvidenceReader(self._settings, self._evidence)
        try:
            await asyncio.to_thread(self._publish)
            with self._screen.live():
                await _until(self._all_happened, _STORY_TIMEOUT_S)
            measured = await self._measure()
        finally:
            self._over.set()
            reader.close()
        findings = [*self._cases(), measured]
        self._screen.summary(self._rows(), findings)
        return all(row.happened for row in self._rows()) and all(it.happened for it in findings)

    def _apply(self) -> None:
        # Made early: a new producer needs half a second before it can write its first record.
        self._writer = EventWriter(self._settings, per_second=EVENTS_PER_SECOND)
        text = scenario.document(self._addresses.receiver, self._addresses.dead_endpoint)
        self._file(CONFIGURATION).write_text(text, "utf-8")
        plan = apply_yaml(self._settings, text.encode())
        self._filter_reason = _filter_reason(self._settings)
        self._screen.tell(f"{plan.count('create')} records applied: an account and its webhooks")

    def _publish(self) -> None:
        story = scenario.story()
        lines = [encode(step.event) for step in story]
        self._file(EVENTS).write_bytes(b"".join(line + b"\n" for line in lines))
        self._writer.write(self._noted(story, lines))
        self._screen.tell(f"{len(story)} events published, and one that cannot be decoded")

    def _noted(
        self, story: tuple[scenario.Step, ...], lines: list[bytes]
    ) -> Iterator[tuple[Event, bytes]]:
        for step, line in zip(story, lines, strict=True):
            self._evidence.published_at_s[step.event.event_id] = now_s()
            yield step.event, line
        yield story[0].event, scenario.UNDECODABLE

    def _all_happened(self) -> bool:
        rows, cases = self._rows(), self._cases()
        self._screen.show(rows, cases)
        return all(row.happened for row in rows) and all(case.happened for case in cases)

    async def _measure(self) -> Finding:
        self._screen.tell(f"measuring: {MEASURED_EVENTS} events at {EVENTS_PER_SECOND}/s")
        await asyncio.to_thread(self._publish_measured)
        arrived = self._evidence.latencies_s
        await _until(lambda: len(arrived) >= MEASURED_EVENTS, _MEASURED_TIMEOUT_S)
        return latency(self._evidence, MEASURED_EVENTS, EVENTS_PER_SECOND)

    def _publish_measured(self) -> None:
        clock = iter(now_s, None)
        events = scenario.measured_events(MEASURED_EVENTS, clock)
        going_on = takewhile(lambda _: not self._over.is_set(), events)
        self._writer.write((event, encode(event)) for event in going_on)

    def _rows(self) -> tuple[PhaseRow, ...]:
        return phase_rows(self._evidence)

    def _cases(self) -> tuple[Finding, ...]:
        return special_cases(self._evidence, self._filter_reason)

    def _file(self, name: str) -> Path:
        return self._settings.data_dir / name


def _filter_reason(settings: Settings) -> str:
    """What the rejecting filter says of the event that ends the call."""
    ended = next(step.event for step in scenario.story() if step.phase.id == END)
    verdicts = explain(ended, read_configs(settings))
    return next(it.detail for it in verdicts if it.webhook_id == scenario.FILTERED)


async def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    """Wait for a condition, but no longer than that."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            return
        await asyncio.sleep(_POLL_S)
