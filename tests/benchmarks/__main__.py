"""Run `hookline bench --quick`, then every benchmark of this directory, each on its own broker.

    python -m tests.benchmarks [--rate 200] [--seconds 20]

Arguments are passed on to each of them, but for those that need no broker and take none. The whole
is a few minutes; `hookline bench` by itself, without --quick, is what figures are taken from.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click

from tests.support.brokers import a_broker

# What measures the code alone, and what is a part of another benchmark or is run by hand.
WITHOUT_BROKER = {"templates", "dispatch", "matching", "sender_cpu"}
NOT_RUN = {"global_pool", "isolation", "growth", "history"}
QUICK = [sys.executable, "-m", "agents.cli", "bench", "--quick"]


def main(arguments: list[str]) -> int:
    """Exit code 1 when one of them failed."""
    click.echo("== hookline bench --quick")
    whole = subprocess.run([*QUICK, *arguments], check=False).returncode == 0
    scripts = {path.stem for path in Path(__file__).parent.glob("[a-z]*.py")} - NOT_RUN
    failed = [script for script in sorted(scripts) if not measured(script, arguments)]
    return 1 if failed or not whole else 0


def measured(script: str, arguments: list[str]) -> bool:
    """Run one in a process of its own, on a broker that nothing was done on before."""
    click.echo(f"== {script}")
    command = [sys.executable, "-m", f"tests.benchmarks.{script}"]
    if script in WITHOUT_BROKER:
        return subprocess.run(command, check=False).returncode == 0
    with (
        tempfile.TemporaryDirectory() as directory,
        a_broker("embedded", Path(directory)) as broker,
    ):
        command += ["--bootstrap", broker, *arguments]
        return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
