"""Rows as tables for people and as one JSON object for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.table import Table

from agents.bench.figures import Spread
from agents.bench.session import Row, relation, totals

_CPU: Final = "cpu_s_per_1000."
_MEMORY: Final = "memory_mib."
_NONE: Final = "-"


def as_json(rows: Sequence[Row], conditions: Mapping[str, object]) -> dict[str, Any]:
    """Everything: conditions, and of each case all runs, medians and spreads."""
    return {
        "conditions": dict(conditions),
        **totals(rows),
        "cases": [
            {
                "scenario": row.case.scenario,
                "name": row.case.name,
                "runs": row.runs,
                "figures": {name: asdict(it) for name, it in row.figures.items()},
                "against": row.case.against,
                "compared": row.case.compared if row.case.against else None,
                "relation": relation(row, rows),
            }
            for row in rows
        ],
    }


def results(rows: Sequence[Row]) -> Table:
    """A line for each case; medians, and where there were several runs the spread of p95."""
    table = Table(title="Latency from publish to arrival at healthy endpoints, in milliseconds")
    table.add_column("case", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("compared", no_wrap=True)
    table.add_column("also")
    for row in rows:
        cells = [show(row.figures) for show in _COLUMNS.values()]
        table.add_row(row.case.name, *cells, _compared(row, rows), ", ".join(_also(row)))
    return table


def processes(rows: Sequence[Row]) -> Table:
    """What each process used: CPU seconds per 1,000 requests, and peak memory in MiB."""
    names = list(dict.fromkeys(_process_names(rows)))
    table = Table(title="CPU seconds per 1,000 requests / peak memory in MiB, by process")
    table.add_column("case", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        found = row.figures
        cells = (
            f"{_number(found.get(_CPU + name), 2)} / {_number(found.get(_MEMORY + name), 0)}"
            for name in names
        )
        table.add_row(row.case.name, *cells)
    return table


def condition_line(found: Mapping[str, object]) -> str:
    """The conditions in a line."""
    return (
        f"{found['cores']} cores, {found['memory_gib']} GiB, load average {found['load_average']} "
        f"at the start; Python {found['python']}, Kafka {found['kafka']}, Hookline "
        f"{found['hookline']}; {found['payload_bytes']} bytes each, {found['partitions']} "
        f"partitions, one broker; everything on this machine; {found['repeat']} run(s)"
    )


def _process_names(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        for name in row.figures:
            if name.startswith(_CPU):
                yield name.removeprefix(_CPU)


def _number(spread: Spread | None, digits: int) -> str:
    return _NONE if spread is None else f"{spread.median:,.{digits}f}"


def _plain(name: str, digits: int = 0) -> Callable[[Mapping[str, Spread]], str]:
    return lambda figures: _number(figures.get(name), digits)


def _p95(figures: Mapping[str, Spread]) -> str:
    found = figures.get("p95_ms")
    text = _number(found, 1)
    if found is None or found.low == found.high:
        return text
    return f"{text} ({found.low:,.1f}-{found.high:,.1f})"


_COLUMNS: Final[dict[str, Callable[[Mapping[str, Spread]], str]]] = {
    "arrived/s": _plain("arrived_per_s"),
    "p50": _plain("p50_ms", 1),
    "p95": _p95,
    "p99": _plain("p99_ms", 1),
    "lost": _plain("lost"),
    "parked": _plain("parked"),
    "repeated": _plain("duplicates"),
    "CPU s/1,000": _plain("cpu_s_per_1000", 2),
    "MiB": _plain("memory_mib"),
}

# Figures that only some cases have, with the words for them.
_ALSO: Final[dict[str, str]] = {
    "held_per_s": "held {:,.0f}/s",
    "silence_s": "silent for {:.2f} s",
    "in_flight": "{:,.0f} in flight at the kill",
    "prepared": "{:,.0f} jobs beside",
    "prepared_missing": "{:,.0f} of them not arrived",
    "prepared_duplicates": "{:,.0f} of them repeated",
    "prepared_open_max": "at most {:,.0f} at once at an endpoint",
    "others_cores": "others kept {:.1f} cores busy",
    "restarts": "{:,.0f} restarted",
    "undelivered": "{:,.0f} of the unwell still waiting",
}
# Up to these they go without saying.
_UNSAID_MAX: Final[dict[str, float]] = {
    "prepared_duplicates": 0,
    "prepared_missing": 0,
    "restarts": 0,
    "undelivered": 0,
    "others_cores": 0.2,
}


def _also(row: Row) -> Iterator[str]:
    for name, words in _ALSO.items():
        value = row.median(name)
        if value is not None and value > _UNSAID_MAX.get(name, -1):
            yield words.format(value)


def _compared(row: Row, rows: Sequence[Row]) -> str:
    found = relation(row, rows)
    if found is None:
        return _NONE
    what = "p95" if row.case.compared == "p95_ms" else "CPU"
    return f"{what} {found:.2f}x {row.case.against}"
