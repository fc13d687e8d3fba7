"""The reference pages, made from the code: settings, commands, topics, metrics, phases.

`python -m agents.reference` writes them; with `--check` it only says whether they are current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from pydantic_core import PydanticUndefined

from agents import metrics
from agents.cli import COMMANDS
from pipeline.settings import PREFIX, Settings
from schemas.phases import PHASES
from schemas.topics import topics

_ROOT: Final = Path(__file__).resolve().parents[1]
REFERENCE: Final = _ROOT / "docs" / "reference.md"
README: Final = _ROOT / "README.md"
_BEGIN: Final = "<!-- settings: written by `python -m agents.reference` -->"
_END: Final = "<!-- /settings -->"

_DAY_MS: Final = 24 * 60 * 60 * 1_000
_HOUR_MS: Final = 60 * 60 * 1_000


def settings_table() -> str:
    """Every setting with its default and what it does."""
    rows = [
        (f"`{PREFIX}{name.upper()}`", _default(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return _table(("Setting", "Default", "What it does"), rows)


def reference() -> str:
    """The page docs/reference.md."""
    sections = (
        ("Settings", settings_table()),
        ("Commands", _table(("Command", "What it does"), _command_rows())),
        ("Topics", _table(("Topic", "Key", "Partitions", "Kept", "Holds"), _topic_rows())),
        ("Metrics", _table(("Metric", "Kind", "Labels", "What it counts"), _metric_rows())),
        ("Phases", _table(("#", "Phase", "When", "Also accepted", "Channels"), _phase_rows())),
    )
    head = "# Reference\n\nMade from the code by `python -m agents.reference`; do not edit.\n"
    return head + "".join(f"\n## {title}\n\n{table}" for title, table in sections)


def readme_with_settings(readme: str) -> str:
    """The README with its table of settings brought up to date."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{settings_table()}{_END}{after}"


def _default(value: object) -> str:
    if value is None or value is PydanticUndefined or value == "":
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _command_rows() -> Iterator[tuple[str, ...]]:
    for name, (_, text) in COMMANDS.items():
        yield f"`hookline {name}`", text


def _topic_rows() -> Iterator[tuple[str, ...]]:
    for topic in topics():
        kept = "compacted" if topic.retention_ms is None else _span(topic.retention_ms)
        yield f"`{topic.name}`", f"`{topic.key}`", str(topic.partitions), kept, topic.holds


def _span(duration_ms: int) -> str:
    days, rest_ms = divmod(duration_ms, _DAY_MS)
    if rest_ms >= _HOUR_MS:
        return f"{days} d {rest_ms // _HOUR_MS} h"
    return f"{days} d" if not rest_ms else f"{days} d and the delay"


def _metric_rows() -> Iterator[tuple[str, ...]]:
    kinds = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}
    for metric in vars(metrics).values():
        if not isinstance(metric, MetricWrapperBase):
            continue
        (family,) = metric.describe()
        suffix = "_total" if isinstance(metric, Counter) else ""
        labels = ", ".join(f"`{name}`" for name in metric._labelnames)  # noqa: SLF001 - no other way
        yield f"`{family.name}{suffix}`", kinds[type(metric)], labels, family.documentation


def _phase_rows() -> Iterator[tuple[str, ...]]:
    for phase in PHASES:
        aliases = ", ".join(f"`{alias}`" for alias in phase.aliases)
        yield str(phase.number), f"`{phase.id}`", phase.title, aliases, ", ".join(phase.channels)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '¦') for cell in row)} |\n" for row in lines)


@click.command()
@click.option("--check", is_flag=True, help="Only say whether the pages are current.")
def main(*, check: bool) -> None:
    """Write docs/reference.md and the README's table of settings."""
    pages = {
        REFERENCE: reference(),
        README: readme_with_settings(README.read_text(encoding="utf-8")),
    }
    for path, wanted in pages.items():
        if path.exists() and path.read_text(encoding="utf-8") == wanted:
            continue
        if check:
            click.echo(f"{path.name} is out of date: run python -m agents.reference", err=True)
            sys.exit(1)
        path.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
