"""One case, once: warm up, load, wait for what is owed, and say in figures what came of it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import takewhile
from typing import Any, Final

from agents.bench import prepared
from agents.bench.cases import IN_FLIGHT_MS, Case, Load, Options
from agents.bench.figures import latency_figures
from agents.bench.parked import still_parked
from agents.bench.partitions import silence_s
from agents.bench.plan import Endpoint
from agents.bench.publisher import Order, Receipt
from agents.bench.search import PRECISION, PRECISION_QUICK, StepSearch, is_held
from agents.bench.stage import PUBLISHER, RECEIVER, Stage
from agents.bench.tally import Tally
from agents.bench.usage import Used
from agents.bench.watching import MEASURED, PREPARED, WARM_UP, Watch
from agents.errors import OperationError
from agents.kafka.producer import Outgoing
from pipeline.partitioning import partition_of

Figures = dict[str, float]

# A broker on a machine that does much else.
_READY_TIMEOUT_S: Final = 180
_WARM_UP: Final = (3.0, 1.0)  # seconds, in full and in brief
# What has not come so long after the last that did is parked or lost: longer than a takeover takes,
# or the second spill of a job, through the tier of 30 s.
_QUIET_S: Final = 45
# The same for what was prepared: endpoints that recover put jobs off as far as the tier of 2 m.
_PREPARED_QUIET_S: Final = (150, 45)
# What comes twice comes soon after the first.
_REPEATS_S: Final = 1.0
_NS_PER_S: Final = 1_000_000_000
_MS_PER_S: Final = 1_000
_PER_REQUESTS: Final = 1_000
# When, within its load, a sender is killed.
_KILL_AT: Final = 0.3


class Measurement:
    """One run of one case on its stage."""

    def __init__(
        self, stage: Stage, case: Case, options: Options, tell: Callable[[str], None]
    ) -> None:
        """Nothing happens yet."""
        self._stage = stage
        self._case = case
        self._options = options
        self._tell = tell
        self._watch = Watch(stage.receiver)
        self._over = threading.Event()

    async def run(self) -> Figures:
        """The figures; raises `OperationError` when the installation does not work."""
        try:
            await self._make_ready()
            if self._case.search:
                return await self._search()
            if self._case.parked:
                await self._park()
            return await self._measure(MEASURED, self._case.loads)
        finally:
            # Threads that wait for the publisher, or write jobs, end as well.
            self._over.set()
            self._stage.publisher.kill()

    async def _make_ready(self) -> None:
        stage = self._stage
        waiting = await stage.installation.until_ready(_READY_TIMEOUT_S)
        if waiting:
            names = ", ".join(child.name for child in waiting)
            raise OperationError(f"not ready after {_READY_TIMEOUT_S} s: {names}")
        self._tell("applying")
        await asyncio.to_thread(stage.apply)
        self._tell("warming up")
        tally = self._watch.expect(WARM_UP, stage.plan.measured)
        seconds = _WARM_UP[self._options.quick]
        per_second = max(self._case.loads[0].per_second, 1 / seconds)
        # Endpoints that are unwell are met within the load: that they turn so is part of it.
        well = stage.plan.well
        receipt = await self._publish(WARM_UP, (Load(per_second, seconds),), well.turns)
        owed = well.owed_to_measured(receipt.events)
        if not await self._watch.until_arrived(tally, owed, _QUIET_S):
            raise OperationError(f"{tally.arrived} of {owed} arrived while warming up")
        await stage.watch()

    async def _measure(self, load: int, loads: tuple[Load, ...]) -> Figures:
        stage, case = self._stage, self._case
        tally = self._watch.expect(load, stage.plan.measured)
        writing = self._write_replays()
        killing = asyncio.ensure_future(self._kill(loads)) if case.kills else None
        stage.meter.begin()
        before = self._watch.requests
        said = ", ".join(f"{it.per_second:g}/s for {it.seconds:g} s" for it in loads)
        self._tell(f"{case.name}: {said}")
        receipt = await self._publish(load, loads)
        self._tell(f"{case.name}: waiting for what is on its way")
        owed = stage.plan.owed_to_measured(receipt.events)
        await self._watch.until_arrived(tally, owed, _QUIET_S)
        more = await self._prepared_figures(receipt, writing)
        if killing is not None:
            killed_ns = await killing
            await stage.watch()
            more |= self._kill_figures(tally, receipt, killed_ns)
        used = stage.meter.used()
        requests = self._watch.requests - before
        await self._watch.for_s(_REPEATS_S)
        more |= await self._missing_figures(load, tally, receipt)
        found = arrival_figures(stage, tally, receipt) | more | usage_figures(used, requests)
        restarts = sum(child.restarts for child in await stage.installation.health())
        return found | {"strays": self._watch.strays, "restarts": restarts}

    async def _missing_figures(self, load: int, tally: Tally, receipt: Receipt) -> Figures:
        """What is lost of what has not arrived, and what waits in a tier until later."""
        settings, plan = self._stage.settings, self._stage.plan
        missing = tally.missing(plan.owed(receipt.events))
        parked = await asyncio.to_thread(still_parked, settings, plan, load, missing)
        self._watch.look()  # what came while the records were read is not missing
        missing = tally.missing(missing)
        return {"lost": len(missing - parked), "parked": len(missing & parked)}

    async def _search(self) -> Figures:
        """The figures of the highest rate that was held."""
        (load,) = self._case.loads
        precision = PRECISION_QUICK if self._options.quick else PRECISION
        search = StepSearch(load.per_second, precision=precision)
        number, lost, parked, best, memory = MEASURED, 0.0, 0.0, Figures(), Figures()
        while (rate := search.rate) is not None:
            found = await self._measure(number, (Load(rate, load.seconds),))
            held = is_held(found)
            search.tell(held=held)
            self._tell(f"{rate:.0f}/s {'held' if held else 'not held'}")
            best = found if held else best
            memory = _highest(memory, found)
            lost, parked = lost + found["lost"], parked + found["parked"]
            number += 1
            if found["lost"]:
                self._tell(f"{found['lost']:.0f} were lost: the search ends here")
                break
        # Memory is highest where the rate is no longer held, and must be bounded there as well.
        searched = {"held_per_s": search.held or 0.0, "steps": number - MEASURED}
        return best | memory | searched | {"lost": lost, "parked": parked}

    async def _publish(
        self, load: int, loads: tuple[Load, ...], to: list[tuple[int, int]] | None = None
    ) -> Receipt:
        order = Order(load, [(it.per_second, it.seconds) for it in loads], to)
        publishing = asyncio.ensure_future(asyncio.to_thread(self._stage.publisher.publish, order))
        publishing.add_done_callback(_looked_at)
        await self._watch.until(publishing.done)
        receipt = publishing.result()
        if receipt.acknowledged < receipt.events:
            raise OperationError(
                f"{receipt.events - receipt.acknowledged} events were not taken by the broker"
            )
        return receipt

    async def _park(self) -> None:
        """Park jobs and wait until they are about to come due."""
        count = self._case.parked
        due_at_s = time.time() + prepared.lead_s(count)
        self._tell(f"parking {count:,} jobs")
        jobs = prepared.parked(
            self._recovering,
            count,
            round(due_at_s * _MS_PER_S),
            PREPARED,
            self._options.payload_bytes,
        )
        self._watch.expect(PREPARED, frozenset(it.number for it in self._recovering))
        await self._write(jobs)
        await asyncio.sleep(max(0.0, due_at_s - time.time()))

    def _write_replays(self) -> asyncio.Future[None] | None:
        count = self._case.replays
        if not count:
            return None
        endpoints = self._stage.plan.endpoints
        self._watch.expect(PREPARED, frozenset(it.number for it in endpoints))
        jobs = prepared.replays(endpoints, count, PREPARED, self._options.payload_bytes)
        writing = asyncio.ensure_future(self._write(jobs))
        writing.add_done_callback(_looked_at)
        return writing

    async def _write(self, jobs: Iterator[Outgoing]) -> None:
        going_on = takewhile(lambda _: not self._over.is_set(), jobs)
        await asyncio.to_thread(prepared.write, self._stage.settings, going_on, self._over.is_set)

    async def _prepared_figures(
        self, receipt: Receipt, writing: asyncio.Future[None] | None
    ) -> Figures:
        count = self._case.parked or self._case.replays
        if not count:
            return {}
        if writing is not None:
            await writing
        tally = self._watch.tally(PREPARED)
        quiet_s = _PREPARED_QUIET_S[self._options.quick]
        await self._watch.until_arrived(tally, count, quiet_s)
        return {
            "prepared": count,
            "prepared_missing": count - tally.arrived,
            "prepared_duplicates": tally.duplicates,
            "prepared_s": (tally.last_ns - receipt.began_ns) / _NS_PER_S,
            "prepared_open_max": tally.open_max,
        }

    @property
    def _recovering(self) -> list[Endpoint]:
        return [it for it in self._stage.plan.endpoints if not it.measured]

    async def _kill(self, loads: tuple[Load, ...]) -> int:
        """Kill one of the senders in the midst of the load; when that was."""
        await asyncio.sleep(_KILL_AT * sum(it.seconds for it in loads))
        children = await self._stage.installation.health()
        pid = next(it.pid for it in children if it.name.startswith("sender"))
        killed_ns = time.time_ns()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return killed_ns

    def _kill_figures(self, tally: Tally, receipt: Receipt, killed_ns: int) -> Figures:
        partitions = self._stage.settings.job_partitions
        lies_in = {it.number: partition_of(it.key, partitions) for it in self._stage.plan.endpoints}
        arrivals = [(lies_in[webhook], at_ns) for webhook, at_ns in tally.moments]
        answering_ns = IN_FLIGHT_MS * _NS_PER_S // _MS_PER_S
        return {
            "silence_s": silence_s(arrivals, killed_ns, receipt.ended_ns),
            "in_flight": sum(0 <= killed_ns - at_ns < answering_ns for _, at_ns in arrivals),
        }


def arrival_figures(stage: Stage, tally: Tally, receipt: Receipt) -> Figures:
    """What arrived of a load, against what was owed."""
    events = receipt.events
    last_ns = max(tally.last_ns, receipt.ended_ns)
    return {
        "events": events,
        "owed": stage.plan.owed_to_measured(events),
        "arrived": tally.arrived,
        "arrived_per_s": tally.arrived * _NS_PER_S / (last_ns - receipt.began_ns),
        "duplicates": tally.duplicates,
        "undelivered": tally.undelivered(stage.plan.owed(events)),
        **latency_figures(tally.latencies_ms),
        "tail_s": (last_ns - receipt.ended_ns) / _NS_PER_S,
        "publisher_late_ms": receipt.late_ms,
    }


def usage_figures(used: Used, requests: int) -> Figures:
    """What the processes used, by name and, without the bench's own, together."""
    each_thousand = _PER_REQUESTS / max(requests, 1)
    own = (RECEIVER, PUBLISHER)
    system_s = sum(cpu_s for name, cpu_s in used.cpu_s.items() if name not in own)
    return {
        "requests": requests,
        "cpu_s_per_1000": system_s * each_thousand,
        "memory_mib": used.together_mib,
        "others_cores": used.others_cores,
        **{f"cpu_s_per_1000.{name}": it * each_thousand for name, it in used.cpu_s.items()},
        **{f"memory_mib.{name}": it for name, it in used.memory_mib.items()},
    }


def _looked_at(done: asyncio.Future[Any]) -> None:
    """Keep asyncio from telling of an exception that nobody waited for: all was interrupted."""
    if not done.cancelled():
        done.exception()


def _highest(one: Figures, other: Figures) -> Figures:
    names = [name for name in other if name.startswith("memory_mib")]
    return {name: max(one.get(name, 0.0), other[name]) for name in names}
