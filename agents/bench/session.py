"""All cases, as often as asked: each in its turn, then each again, so that drift hits all alike."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

import uvloop

from agents.bench.cases import Case, Options
from agents.bench.figures import Spread, ratio, spreads
from agents.bench.measuring import Figures, Measurement
from agents.bench.stage import Stage, staged
from pipeline.settings import Settings

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_TOTALS: Final = ("lost", "parked", "prepared_missing", "strays")


@dataclass(frozen=True, slots=True)
class Row:
    """A case, the figures of each of its runs, and those of them all."""

    case: Case
    runs: list[Figures] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, Spread]:
        """Each figure's median and spread."""
        return spreads(self.runs)

    def median(self, name: str) -> float | None:
        """A figure's median; None when there is no such figure."""
        found = self.figures.get(name)
        return None if found is None else found.median


def relation(row: Row, rows: Sequence[Row]) -> float | None:
    """What is compared of a row, as a multiple of the same in the case that it is against."""
    base = next((it for it in rows if it.case.name == row.case.against), None)
    name = row.case.compared
    return None if base is None else ratio(row.median(name), base.median(name))


class Session:
    """Run it; it gives as much as it has when it is interrupted."""

    def __init__(
        self,
        options: Options,
        base: Settings,
        tell: Callable[[str], None],
    ) -> None:
        """`base` are the settings beside those that a bench decides itself."""
        self._options = options
        self._base = base
        self._tell = tell

    def run(self, cases: Sequence[Case], repeat: int) -> list[Row]:
        """The rows; raises `OperationError`, and KeyboardInterrupt once everything is gone."""
        rows = [Row(case) for case in cases]
        for number in range(1, repeat + 1):
            for row in rows:
                _interrupt_once()
                self._tell(f"{row.case.scenario}: {row.case.name}, run {number} of {repeat}")
                row.runs.append(self._once(row.case))
        return rows

    def _once(self, case: Case) -> Figures:
        with staged(case, self._options, self._base, self._tell) as stage:
            figures = uvloop.run(self._measured(stage, case))
            if figures is None:
                _ignore_signals()  # what was started is taken down now
                raise KeyboardInterrupt
        return figures

    async def _measured(self, stage: Stage, case: Case) -> Figures | None:
        """The figures; None when a signal came first."""
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        for number in _SIGNALS:
            loop.add_signal_handler(number, stopping.set)
        asked = asyncio.create_task(stopping.wait())
        try:
            await stage.installation.start()
            running = asyncio.create_task(Measurement(stage, case, self._options, self._tell).run())
            await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return running.result()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return None
        finally:
            asked.cancel()
            await stage.installation.stop()


def _interrupt_once() -> None:
    """Let the first signal end what goes on, and no second one its taking down."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    for number in _SIGNALS:
        signal.signal(number, interrupt)


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def totals(rows: Sequence[Row]) -> Mapping[str, float]:
    """Deliveries lost or parked, prepared ones missing, requests nobody owed, in all runs."""
    runs = [run for row in rows for run in row.runs]
    return {name: sum(run.get(name, 0) for run in runs) for name in _TOTALS}


def is_complete(rows: Sequence[Row]) -> bool:
    """Whether nothing is lost, and all that was prepared has arrived."""
    found = totals(rows)
    return not (found["lost"] or found["prepared_missing"])
