"""Notifiers are killed with SIGKILL, again and again, while webhooks fail.

    python -m tests.chaos.notifier_kill --seconds 40 --rate 100

Two notifiers and a mail server are real; failures are written as a sender writes them. In the end
each failure must have been told of once: by itself, or in the count of a summary. A mail that comes
again has the same Message-ID, and is one that a killed notifier was just sending. Exit code 1 when
the sums differ, when two summaries of a webhook were decided on within the throttle, or when more
mails were repeated than could be in flight.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from itertools import count, pairwise
from pathlib import Path
from typing import Final

import click

from agents.notifier.consumer import SENDING_MAX
from schemas.notice import Notice
from schemas.topics import FAILURE_TRIGGERS, NOTICES
from tests.support.alarms import all_on, failed
from tests.support.brokers import a_broker
from tests.support.builders import a_trigger, a_webhook, an_account
from tests.support.mail_server import Mail, MailServer, a_mail_server
from tests.support.matchers import Worker
from tests.support.pipelines import Pipeline, a_pipeline
from tests.support.waiting import eventually

WEBHOOKS: Final = [f"w{number}" for number in range(30)]
THROTTLE_S: Final = 4
NOTIFIERS: Final = 2
GROUP: Final = "hookline-notifiers"
READY_S: Final = 120
QUIET_S: Final = 120


class Alarmed:
    """An installation whose webhooks fail, and who is told of it."""

    def __init__(self, pipeline: Pipeline, mail: MailServer, directory: Path) -> None:
        self.pipeline = pipeline
        self.mail = mail
        self.environment = {
            **mail.environment(),
            "HOOKLINE_DATA_DIR": str(directory),
            "HOOKLINE_NOTICE_THROTTLE_S": str(THROTTLE_S),
        }
        self.notifiers: list[Worker] = []
        self.failures: Counter[str] = Counter()

    def configure(self) -> None:
        self.pipeline.apply(an_account())
        for name in WEBHOOKS:
            email = {"type": "email", "to": [f"{name}@example.com"]}
            named = {"id": name, "name": name, "failure_trigger": {"trigger_id": f"on-{name}"}}
            self.pipeline.apply(a_webhook(**named), a_trigger(id=f"on-{name}", actions=[email]))

    def start(self) -> None:
        self.notifiers.append(self.pipeline.start("notifier", **self.environment))

    def replace_one(self) -> None:
        """Kill a notifier and start another."""
        self.notifiers.pop(0).kill()
        self.start()

    def fail(self, names: list[str]) -> None:
        """A failure of a webhook drawn by chance for each name."""
        drawn = defaultdict(list)
        for name in names:
            drawn[random.choice(WEBHOOKS)].append(name)  # noqa: S311 - no secret
        for webhook_id, its in drawn.items():
            failed(self, webhook_id, its)
            self.failures[webhook_id] += len(its)

    def told(self) -> Counter[str]:
        """How many failures of each webhook the mails tell of; a repeated mail counts once."""
        found: Counter[str] = Counter()
        for mail in self.unique().values():
            more = re.search(r": (\d+) more failures", mail.subject)
            found[mail.recipients[0].partition("@")[0]] += int(more[1]) if more else 1
        return found

    def unique(self) -> dict[str, Mail]:
        """The mails by their id."""
        return {str(mail.message["Message-ID"]): mail for mail in reversed(self.mail.mails)}

    def too_close(self) -> list[tuple[str, int]]:
        """The webhooks of which two summaries were decided on within the throttle, and how soon.

        When they arrive is another matter: of a notifier that was killed the next has to send them.
        """
        decided: dict[str, dict[str, int]] = defaultdict(dict)
        for notice in all_on(self, NOTICES, Notice):
            if notice.kind == "summary":
                decided[notice.webhook_id or ""][notice.notice_id] = notice.first_queued_at_ms
        return [
            (name, later_ms - earlier_ms)
            for name, times_ms in decided.items()
            for earlier_ms, later_ms in pairwise(sorted(times_ms.values()))
            if later_ms - earlier_ms < THROTTLE_S * 1_000
        ]


def run(alarmed: Alarmed, seconds: float, rate: float) -> int:
    """Fail and kill for so long; how many kills there were."""
    alarmed.configure()
    for _ in range(NOTIFIERS):
        alarmed.start()
    for worker in alarmed.notifiers:
        worker.wait_ready(READY_S)
    numbers, kills, until_s = count(), 0, time.monotonic() + seconds
    next_kill_s = time.monotonic() + 3
    while (now_s := time.monotonic()) < until_s:
        alarmed.fail([f"f{next(numbers)}" for _ in range(round(rate / 5))])
        if now_s >= next_kill_s:
            alarmed.replace_one()
            kills += 1
            next_kill_s = now_s + random.uniform(2, 6)  # noqa: S311 - no secret
        time.sleep(max(0.2 - (time.monotonic() - now_s), 0))
    return kills


def play(given: argparse.Namespace, directory: Path) -> bool:
    """Run and report; whether all went well."""
    with (
        a_broker("embedded", directory / "broker") as broker,
        a_pipeline(broker, directory) as pipeline,
        a_mail_server(directory) as mail,
    ):
        alarmed = Alarmed(pipeline, mail, directory)
        kills = run(alarmed, given.seconds, given.rate)
        topics = [FAILURE_TRIGGERS, NOTICES]
        eventually(lambda: pipeline.backlog(GROUP, topics) == 0, QUIET_S)
        try:
            eventually(lambda: alarmed.told().total() >= alarmed.failures.total(), THROTTLE_S * 5)
            eventually(lambda: pipeline.backlog(GROUP, topics) == 0, QUIET_S)
        except AssertionError as error:
            click.echo(str(error))
        told, failures = alarmed.told(), alarmed.failures
        wrong = {it: (failures[it], told[it]) for it in WEBHOOKS if failures[it] != told[it]}
        repeated = len(mail.mails) - len(alarmed.unique())
        close = alarmed.too_close()
        click.echo(
            f"{failures.total()} failures of {len(WEBHOOKS)} webhooks, {kills} kills: "
            f"{told.total()} told of in {len(alarmed.unique())} mails, {repeated} mails repeated"
        )
        if wrong:
            click.echo(f"failures and what was told, where they differ: {wrong}")
        if close:
            click.echo(f"decided within the throttle of {THROTTLE_S} s, ms apart: {close}")
        return not wrong and not close and repeated <= kills * SENDING_MAX


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--rate", type=float, default=100, help="failures a second")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all agents end with this
    directory = Path(tempfile.mkdtemp(prefix="notifier-kill-"))
    good = play(given, directory)
    if good:
        shutil.rmtree(directory)
    else:
        click.echo(f"logs are in {directory}")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
