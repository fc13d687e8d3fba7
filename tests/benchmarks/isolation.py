"""What one pool for all endpoints would do where some hang: our senders, then with caps lifted.

    python -m tests.benchmarks.isolation [--seconds 20] [--rate 200] [--timeout-s 30]

The same case runs twice through `agents.bench`, once with senders as they are and once with
`tests.benchmarks.global_pool` in their place. A pool fills only when (hung events a second) times
the time-out or the load's length exceeds its 512 places: with 15 of 50 at 200/s, after 9 s.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import click

from agents.bench.cases import HEALTHY, Case, Load, Options
from agents.bench.plan import HANG, one_each
from agents.bench.report import results
from agents.bench.session import Row, Session
from agents.broker.guarded import Guarded
from agents.cli import settings_from_environment
from agents.cli.tables import print_table
from agents.up import process
from tests.support.modules import ROOT

SENDER = ["-m", "agents.cli", "sender"]
GLOBAL_POOL = ["-m", "tests.benchmarks.global_pool", "sender"]


def guarded(command: list[str], **options: Any) -> Guarded:
    """A process as usual; a sender with its caps lifted."""
    if command[-len(SENDER) :] != SENDER:
        return Guarded(command, **options)
    return Guarded([sys.executable, *GLOBAL_POOL], **{**options, "directory": ROOT})


@contextmanager
def caps_lifted():
    with mock.patch.object(process, "Guarded", guarded):
        yield


def cases(options: Options, hung: int, timeout_s: float) -> list[Case]:
    loads = (Load(options.rate, options.seconds),)
    healthy = Case(HEALTHY, HEALTHY, partial(one_each, options.endpoints), loads)
    name = f"{hung} of {options.endpoints} hang, {timeout_s:g} s"
    plan = partial(one_each, options.endpoints, hung, HANG, timeout_s=timeout_s)
    return [healthy, Case("hung", name, plan, loads, against=HEALTHY)]


@click.command()
@click.option("--rate", type=float, default=200)
@click.option("--seconds", type=float, default=20)
@click.option("--endpoints", type=int, default=50)
@click.option("--hung", type=int, default=15)
@click.option("--timeout-s", type=float, default=30)
@click.option("--repeat", type=int, default=1)
def main(  # noqa: PLR0913, PLR0917
    rate: float, seconds: float, endpoints: int, hung: int, timeout_s: float, repeat: int
) -> None:
    options = Options(rate, seconds, endpoints)
    session = Session(options, settings_from_environment(find_broker=False), click.echo)
    tried = cases(options, hung, timeout_s)
    rows = session.run(tried, repeat)
    with caps_lifted():
        found = session.run(tried[1:], repeat)
    lifted = [Row(replace(it.case, name=f"{it.case.name}, one pool"), it.runs) for it in found]
    print_table(results([*rows, *lifted]))


if __name__ == "__main__":
    main()
