"""The examples do what their pages say: every command of them, and every request that they show."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from contextlib import suppress
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from agents.broker.ports import free_port
from agents.cli import cli
from pipeline.secret_keys import written
from schemas.codec import decode
from schemas.command import Command
from schemas.topics import ACTIVITY_COMMANDS
from tests.support.api_pipelines import a_pipeline_with_api, admin_of
from tests.support.commands import NEW
from tests.support.modules import ROOT
from tests.support.waiting import eventually

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/README.md"))
BLOCK = re.compile(r"```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)
# A delivery, on a machine that does other things too.
ARRIVES_S = 40
START_S = 30


@dataclass(frozen=True)
class Shown:
    """A request as a page shows it."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @classmethod
    def of(cls, text):
        head, _, body = text.partition("\n\n")
        first, *lines = head.strip().split("\n")
        method, path = first.split(" ")
        return cls(method, path, dict(line.split(": ") for line in lines), body.strip())

    def is_what_came(self, request):
        came = {name.lower(): value for name, value in request["headers"]}
        return (
            (self.method, self.path) == (request["method"], request["path"])
            and {name: came.get(name.lower()) for name in self.headers} == self.headers
            and as_value(self.body) == as_value(request["body"])
        )


def as_value(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


class Reader:
    """Somebody who goes through the pages, with ports of their own in place of the usual ones."""

    def __init__(self, pipeline, directory):
        self.pipeline = pipeline
        self.bin_port = free_port()
        self.api = admin_of(pipeline)
        # Links to resources have the usual port all the same: senders know no other.
        self.ports = {"8321/in": f"{pipeline.agents['api'].port}/in", "8400": str(self.bin_port)}
        shutil.copytree(ROOT / "examples", directory / "examples")
        for path in (directory / "examples").rglob("*.*"):
            path.write_text(self.here(path.read_text()))
        self.directory = directory
        self.environment = {
            "HOOKLINE_BOOTSTRAP_SERVERS": pipeline.bootstrap,
            "HOOKLINE_TOPIC_PREFIX": pipeline.prefix,
            "HOOKLINE_DATA_DIR": str(pipeline.directory),
            "HOOKLINE_SECRET_KEYS": written(NEW),
            "HOOKLINE_ALLOW_HTTP": "true",
            "HOOKLINE_EGRESS_ALLOW": "127.0.0.0/8",
        }

    def here(self, text):
        for usual, ours in self.ports.items():
            text = text.replace(f"127.0.0.1:{usual}", f"127.0.0.1:{ours}")
        return text

    def page(self, name):
        """What stands in the blocks of a page, in their order."""
        text = (self.directory / "examples" / name / "README.md").read_text()
        return [(block["kind"], block["text"]) for block in BLOCK.finditer(text)]

    def run(self, command):
        words = shlex.split(command.replace("examples/", f"{self.directory}/examples/"))
        if words[0] == "curl":
            ran = subprocess.run([*words, "--fail-with-body"], capture_output=True, check=False)
            assert ran.returncode == 0, ran.stdout
            return
        assert words[0] == "hookline"
        result = CliRunner().invoke(cli, words[1:], env=self.environment)
        assert result.exit_code == 0, result.output

    def is_served(self):
        """Whether the endpoint answers."""
        with suppress(OSError):
            return self.came() == []
        return False

    def came(self):
        """Every request that the endpoint received."""
        url = f"http://127.0.0.1:{self.bin_port}/requests.json"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["requests"]

    def requests(self, example):
        """Those of an example, by the paths that its page shows."""
        came = self.came()
        return [it for it in came if it["path"].startswith(PATHS[example])]


PATHS = {
    "crm": "/crm/",
    "forms": "/mailing-list/",
    "marketing-automation": ("/pixel", "/campaigns/"),
    "reporting": "/dashboard/",
    "scheduling": "/calendar/",
}


@pytest.fixture(scope="module")
def reader(broker, tmp_path_factory):
    directory = tmp_path_factory.mktemp("examples")
    agents = ("matcher", "sender", "scheduler", "recorder")
    with a_pipeline_with_api(broker, directory, *agents) as pipeline:
        made = Reader(pipeline, tmp_path_factory.mktemp("pages"))
        command = [sys.executable, "-m", "agents.cli", "bin", "--port", str(made.bin_port)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as it:
            try:
                eventually(made.is_served, START_S)
                yield made
            finally:
                it.terminate()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the pages' commands need curl")
@pytest.mark.parametrize("example", EXAMPLES)
def test_what_an_example_sends_is_what_its_page_shows(reader, example):
    blocks = reader.page(example)
    for kind, text in blocks:
        if kind == "console":
            for command in text.removeprefix("$ ").rstrip().split("\n$ "):
                reader.run(command)
            if example == "reporting":
                eventually(lambda: is_in_the_history(reader), ARRIVES_S)

    shown = [Shown.of(text) for kind, text in blocks if kind == "http"]
    came = eventually(lambda: len(it := reader.requests(example)) >= len(shown) and it, ARRIVES_S)

    for each in shown:
        assert any(each.is_what_came(request) for request in came), (each, came)
    assert len(came) == len(shown)
    asked = [json.loads(text) for kind, text in blocks if kind == "json"]
    for each in asked:
        assert eventually(lambda it=each: is_asked(reader, it), ARRIVES_S)


def is_in_the_history(reader):
    """Whether the history has the calls of the week."""
    return len(reader.api.get("accounts/103/activities").body["items"]) >= 5


def is_asked(reader, wanted):
    """Whether a command to the telephony system is on its topic, as far as the page shows it."""
    topic = reader.pipeline.reader(ACTIVITY_COMMANDS)
    while topic.poll():
        pass
    topic.close()
    told = [decode(Command, it.value()).model_dump(mode="json") for it in topic.messages]
    return any({name: it[name] for name in wanted} == wanted for it in told)


def test_every_example_is_named_where_people_look_first():
    pages = (ROOT / "README.md").read_text() + (ROOT / "examples" / "README.md").read_text()

    assert sorted(PATHS) == EXAMPLES
    assert [it for it in EXAMPLES if f"{it}/README.md" not in pages] == []
