"""`hookline apply`: make the configuration what a YAML file says, or say what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import click

from agents.cli import settings_from_environment
from agents.cli.options import data_dir_option
from agents.configs.applying import (
    Refused,
    checked_topic,
    document_in,
    parsed,
    planned,
    write_plan,
)
from agents.configs.topic import ConfigTopic
from agents.configs.yaml_file import located, read_source
from pipeline.advice import warnings_about
from pipeline.changes import Action, Plan
from schemas.codec import Fault

# Fewer are written before a bar could be read.
_BAR_RECORDS_MIN: Final = 2_000
_DONE: Final[dict[Action, str]] = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "unchanged": "unchanged",
}


@click.command()
@click.argument("file")
@click.option("--dry-run", is_flag=True, help="Show the changes; write nothing.")
@click.option("--prune", is_flag=True, help="Delete what the file's accounts have but it does not.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@data_dir_option
@click.pass_context
def apply(  # noqa: PLR0913 - click's way: an argument for each option
    ctx: click.Context,
    file: str,
    data_dir: Path | None,
    *,
    dry_run: bool,
    prune: bool,
    as_json: bool,
) -> None:
    """Apply a YAML FILE (- for standard input) of accounts, webhooks, triggers and sources.

    Everything is checked first; with any fault nothing is written. When the command returns, an
    event published from then on meets the new configuration.
    """
    settings = settings_from_environment(data_dir=data_dir)
    try:
        root = parsed(read_source(file))
        document = document_in(root, settings)
        with checked_topic(settings, document, root, prune=prune) as topic:
            warnings = located(warnings_about(document, topic.configs, prune=prune), root)
            _print_located(file, warnings, "warning: ")
            plan = planned(settings, document, root, topic, prune=prune)
            if not as_json:
                _print_plan(plan)
            if not dry_run:
                _write(topic, plan)
    except Refused as refused:
        _print_refusal(file, refused.faults, as_json=as_json)
        ctx.exit(1)
    click.echo(
        json.dumps(_result(plan, warnings, topic.configs.offset, dry_run=dry_run))
        if as_json
        else _summary(plan, dry_run=dry_run)
    )


def _write(topic: ConfigTopic, plan: Plan) -> None:
    records = sum(1 for _ in plan.writes())
    if records < _BAR_RECORDS_MIN:
        write_plan(topic, plan)
        return
    with click.progressbar(length=records, label="Writing", file=_stderr()) as bar:
        write_plan(topic, plan, bar.update)


def _stderr() -> Any:  # noqa: ANN401 - click has no type for it
    return click.get_text_stream("stderr")


def _print_located(file: str, faults: list[tuple[int, Fault]], prefix: str = "") -> None:
    name = "<stdin>" if file == "-" else file
    for line, fault in faults:
        path = f"{fault.field}: " if fault.field else ""
        click.echo(f"{name}:{line}: {prefix}{path}{fault.message}", err=True)


def _print_refusal(file: str, faults: list[tuple[int, Fault]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"applied": False, "faults": _as_objects(faults)}))
        return
    _print_located(file, faults)
    noun = "fault" if len(faults) == 1 else "faults"
    click.echo(f"hookline: {len(faults)} {noun}, nothing was written", err=True)


def _print_plan(plan: Plan) -> None:
    for line in plan.lines():
        click.echo(line)
    for key in plan.unlisted:
        click.echo(f"  {key.kind} {key.account_id}/{key.id} is not in the file and stays (--prune)")


def _summary(plan: Plan, *, dry_run: bool) -> str:
    counts = ", ".join(f"{plan.count(action)} {done}" for action, done in _DONE.items())
    return f"{counts} (dry run: nothing was written)" if dry_run else f"{counts}; in effect"


def _result(
    plan: Plan, warnings: list[tuple[int, Fault]], offset: int, *, dry_run: bool
) -> dict[str, Any]:
    counts = Counter(change.action for change in plan.changes)
    return {
        "applied": not dry_run,
        **{done: counts[action] for action, done in _DONE.items()},
        "changes": [
            {
                "action": change.action,
                "key": str(change.key),
                "fields": {each.field: [each.before, each.after] for each in change.fields},
            }
            for change in plan.changes
            if change.action != "unchanged"
        ],
        "unlisted": [str(key) for key in plan.unlisted],
        "warnings": _as_objects(warnings),
        "config_offset": offset,
    }


def _as_objects(faults: list[tuple[int, Fault]]) -> list[dict[str, Any]]:
    return [
        {"line": line, "field": fault.field, "message": fault.message} for line, fault in faults
    ]
