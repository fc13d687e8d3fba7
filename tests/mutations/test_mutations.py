"""Each guard has a test that fails without it: a check that fails never is no check."""

import json
import os
import subprocess
import sys

import pytest

from tests.mutations.__main__ import table
from tests.mutations.catalogue import GUARDS
from tests.support.modules import ROOT

# Twenty seconds of work, which other work on the machine may stretch.
pytestmark = pytest.mark.timeout(900)

QUICK = sorted(name for name, guard in GUARDS.items() if not guard.is_slow)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """What is wrong, by guard, of one run in a process where nothing else is going on."""
    found = tmp_path_factory.mktemp("mutations") / "wrong.json"
    # The lines that a broken guard runs are not covered by that.
    environment = {name: it for name, it in os.environ.items() if not name.startswith("COV_")}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.mutations", "--json", str(found)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.exists(), ended.stderr
    return json.loads(found.read_text())


def test_with_every_guard_in_place_the_tests_named_pass(wrong):
    assert "" not in wrong, wrong[""]


@pytest.mark.parametrize("name", QUICK)
def test_without_its_guard_the_tests_named_for_it_fail(wrong, name):
    assert name not in wrong, wrong[name]


def test_the_list_of_guards_stands_in_the_page_about_reliability():
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    missing = [line for line in table(GUARDS.values()) if line not in page]
    assert missing == [], "python -m tests.mutations --list prints it"
