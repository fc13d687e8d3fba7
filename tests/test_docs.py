"""Whatever an operator can set, run, watch or read is in the README or under docs/."""

import ast
import re

import pytest
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from agents import metrics
from agents.cli import COMMANDS
from pipeline.settings import PREFIX, Settings
from schemas.topics import topics
from tests.support.modules import ROOT, modules

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

SETTINGS = [f"{PREFIX}{field.upper()}" for field in Settings.model_fields]
TOPICS = [topic.name for topic in topics()]


def metric_names() -> list[str]:
    """The names under which metrics are scraped: a counter's ends in `_total`."""
    found = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    return [f"{m._name}_total" if isinstance(m, Counter) else m._name for m in found]  # noqa: SLF001 - it has no public name


def is_documented(name: str) -> bool:
    """Whether the name stands somewhere by itself, not as a part of a longer one."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", TEXT) is not None


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_documented(setting):
    assert is_documented(setting)


@pytest.mark.parametrize("metric", metric_names())
def test_every_metric_is_documented(metric):
    assert metric.startswith("hookline_")
    assert is_documented(metric)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_is_documented(topic):
    assert is_documented(topic)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    assert is_documented(f"hookline {command}")


def test_no_page_speaks_of_a_setting_that_does_not_exist():
    spoken_of = {*re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*[A-Z]\b", TEXT)}

    assert spoken_of - {*SETTINGS} == set()


def test_every_test_that_a_page_names_exists():
    defined = {
        f"{module.path}::{node.name}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    named = {*re.findall(r"\btests/[\w./-]+::\w+", TEXT)}

    assert named
    assert named - defined == set()
