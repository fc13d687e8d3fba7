"""Break each guard in turn and see that the tests named for it fail, which pass without.

    python -m tests.mutations [--slow] [--list] [--json FILE] [NAME …]

Each guard has a process of its own, forked from this one so that nothing is imported twice. With
`--list` nothing is run: the guards are printed as a table in Markdown. Exit code 1 when a guard was
broken and a test named for it did not notice.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import click
import pytest

from tests.mutations.catalogue import GUARDS
from tests.mutations.guards import Guard

# Nobody reads what these runs print, so nothing is prepared for it, and no plugin is loaded that
# these tests do without: that would take most of a run.
OPTIONS = [
    *("-p", "tests.mutations.plugin", "-p", "asyncio", "-p", "timeout", "-p", "no:cacheprovider"),
    *("--assert=plain", "--tb=no"),
]
NO_OTHERS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
# What all of them import and no guard breaks.
SHARED = (
    "alembic.context",
    "coverage",
    "hypothesis.strategies",
    "psycopg",
    "pytest_asyncio.plugin",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these guards")
    parser.add_argument("--slow", action="store_true", help="also those whose tests take long")
    parser.add_argument("--json", type=Path, help="a file for what is wrong, by guard")
    parser.add_argument("--list", action="store_true", help="print the list and run nothing")
    options = parser.parse_args()
    guards = [GUARDS[name] for name in options.names or GUARDS]
    if options.list:
        click.echo("\n".join(table(guards)))
        return
    chosen = [it for it in guards if options.slow or options.names or not it.is_slow]
    wrong = wrongs(chosen)
    if options.json is not None:
        options.json.write_text(json.dumps(wrong))
    for it in chosen:
        verdict = "BAD" if it.name in wrong else "ok "
        click.echo(f"{verdict} {it.name} {wrong.get(it.name, '')}".rstrip())
    if "" in wrong:
        click.echo(f"BAD with every guard in place: {wrong['']}")
    sys.exit(1 if wrong else 0)


def table(guards: Iterable[Guard]) -> list[str]:
    """The guards, a line each."""
    head = ["| Rule | Broken on purpose | Fails then |", "| --- | --- | --- |"]
    return head + [
        f"| {it.rule} | {it.mutation} (`{it.name}`) | {', '.join(map(_short, it.killed_by))} |"
        for it in guards
    ]


def _short(test: str) -> str:
    return f"`{test.rpartition('::')[2]}`"


def wrongs(guards: list[Guard]) -> dict[str, str]:
    """What is wrong, by guard; under no name, what fails with every guard in place."""
    os.environ.update(NO_OTHERS)
    for name in SHARED:
        import_module(name)
    tests = sorted({test for it in guards for test in it.killed_by})
    found = {"": complaint(run(None, tests), tests, "passed", 0)}
    for it in guards:
        found[it.name] = complaint(run(it.name, it.killed_by), it.killed_by, "failed", 1)
    return {name: said for name, said in found.items() if said}


def complaint(
    came: tuple[int, dict[str, str]], tests: Iterable[str], wanted: str, code: int
) -> str:
    """Why this is not what was wanted: a test fails when one of its cases does."""
    exit_code, ends = came
    if exit_code != code:
        return f"pytest ended with {exit_code}, not {code}: {ends}"
    unlike = []
    for test in tests:
        cases = [end for case, end in ends.items() if case == test or case.startswith(f"{test}[")]
        good = wanted in cases if wanted == "failed" else set(cases) == {"passed"}
        if not good:
            unlike.append(f"{test}: {cases or 'not run'}, not {wanted}")
    return "; ".join(unlike)


def run(mutation: str | None, tests: Iterable[str]) -> tuple[int, dict[str, str]]:
    """Pytest's exit code, and what each test came to, in a process of its own."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        child = os.fork()
        if child == 0:
            os._exit(_pytest(mutation, tests, report))
        _, status = os.waitpid(child, 0)
        ends = json.loads(report.read_text()) if report.exists() else {}
        return os.waitstatus_to_exitcode(status), ends


def _pytest(mutation: str | None, tests: Iterable[str], report: Path) -> int:
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    given = [] if mutation is None else ["--mutation", mutation]
    return int(pytest.main([*OPTIONS, *given, "--mutation-report", str(report), *tests]))


if __name__ == "__main__":
    main()
