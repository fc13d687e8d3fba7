"""The description of the API: whole, consistent, and of the operations that are served."""

import json
import re

import pytest

from agents.api.docs_page import POLICY, docs_page
from agents.api.openapi import openapi, statuses_of
from agents.api.operations import OPERATIONS
from agents.api.problems import KINDS

DOCUMENT = openapi(OPERATIONS, "https://hooks.example.com/")
TEXT = json.dumps(DOCUMENT)
PAGE = docs_page(DOCUMENT)


def described():
    return [it for methods in DOCUMENT["paths"].values() for it in methods.values()]


def test_every_operation_is_described_once_under_a_name_of_its_own():
    names = [it["operationId"] for it in described()]

    assert len(names) == len(OPERATIONS)
    assert len({*names}) == len(names)


def test_every_reference_leads_to_a_schema():
    named = {*re.findall(r'"#/components/schemas/([^"]+)"', TEXT)}

    assert named - {*DOCUMENT["components"]["schemas"]} == set()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: it.summary)
def test_every_operation_answers_known_problems_only(operation):
    known = {kind.status for kind in KINDS}

    assert {*statuses_of(operation)} <= known
    assert operation.status < 300


def test_every_tag_and_parameter_says_what_it_is():
    assert [it["name"] for it in DOCUMENT["tags"] if not it["description"]] == []
    silent = [
        (it["operationId"], parameter["name"])
        for it in described()
        for parameter in it["parameters"]
        if not parameter["description"]
    ]
    assert silent == []


def test_the_page_has_every_operation_and_nothing_that_runs_or_comes_from_elsewhere():
    assert all(f'<section id="{it["operationId"]}">' in PAGE for it in described())
    assert re.search(r"<script|<link|<img|\son\w+=|\bsrc=|url\(|@import", PAGE) is None
    assert {*re.findall(r'href="([^"#]*)', PAGE)} <= {"", "/openapi.json"}
    assert "script-src" not in POLICY
    assert "default-src 'none'" in POLICY


def test_every_link_within_the_page_has_a_target():
    targets = {*re.findall(r'id="([^"]+)"', PAGE)}

    assert {*re.findall(r'href="#([^"]+)"', PAGE)} <= targets
    assert {kind.name for kind in KINDS} <= targets
