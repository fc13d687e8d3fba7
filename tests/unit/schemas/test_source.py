"""Sources: what a mapping may hold, and what each kind of verification needs."""

import pytest

from schemas.mapping import PATHS_TOTAL_MAX, TEMPLATES_MAX, Simple, Split
from tests.support.builders import a_source
from tests.support.faults import faults_of

STANDARD = "whsec_" + "QUJD" * 8


def test_a_transform_without_settings_may_be_its_name_alone():
    mapping = [{"target": "name", "paths": ["full_name"], "transforms": ["trim", "split"]}]
    (row,) = a_source(mapping=mapping).mapping
    assert row.transforms == (Simple(type="trim"), Split(type="split", by=",", index=0))


@pytest.mark.parametrize(
    ("transform", "field"),
    [
        ("trimm", ""),
        ("lookup", ".table"),
        ({"type": "template"}, ".template"),
        ({"type": "e164", "region": "us"}, ".region"),
        ({"type": "date", "time_zone": "Denver"}, ".time_zone"),
        ({"type": "split", "by": ""}, ".by"),
        (3, ""),
    ],
)
def test_a_transform_that_cannot_be_is_named_with_its_setting(transform, field):
    mapping = [{"target": "name", "transforms": [transform]}]
    assert list(faults_of(a_source, mapping=mapping)) == [f"mapping[0].transforms[0]{field}"]


def test_a_mapping_is_bounded_as_a_whole():
    many = [{"target": "name", "paths": ["a"] * 10}] * (PATHS_TOTAL_MAX // 10)
    assert len(a_source(mapping=many).mapping) == 40
    assert list(faults_of(a_source, mapping=[*many, many[0]])) == ["mapping"]
    template = {"type": "template", "template": "{{a}}"}
    templates = [{"target": "name", "transforms": [template] * 10}] * (TEMPLATES_MAX // 10)
    assert len(a_source(mapping=templates).mapping) == 2
    assert list(faults_of(a_source, mapping=[*templates, templates[0]])) == ["mapping"]


def test_no_source_tells_of_route_as_no_request_may_choose_what_runs():
    assert list(faults_of(a_source, phase="route")) == ["phase"]
    assert a_source(phase="Inbound_Text").phase == "inbound_text"


def test_a_sender_s_id_stands_in_one_place():
    assert a_source(deduplication={"path": "entry.id"}).deduplication.path == "entry.id"
    for places in ({}, {"header": "X-Id", "path": "id"}):
        assert list(faults_of(a_source, deduplication=places)) == ["deduplication.header"]


@pytest.mark.parametrize(
    "verification",
    [
        {"type": "none"},
        {"type": "basic", "username": "u", "password": "p"},
        {"type": "header", "header": "X-Key", "secrets": ["a", "b"]},
        {"type": "query", "parameter": "key", "secrets": ["a"]},
        {"type": "standard_webhooks", "secrets": [STANDARD]},
        {"type": "github", "secrets": ["any text"]},
        {"type": "hmac", "header": "X-Signature", "secrets": ["a"]},
        {
            "type": "hmac",
            "header": "X-Signature",
            "content": "v0:{timestamp}:{body}",
            "timestamp_header": "X-Time",
            "secrets": ["a"],
        },
    ],
)
def test_each_kind_of_verification_has_what_it_needs(verification):
    assert a_source(verification=verification).verification.type == verification["type"]


@pytest.mark.parametrize(
    ("verification", "field"),
    [
        ({"type": "github", "secrets": []}, "secrets"),
        ({"type": "header", "header": "X Key", "secrets": ["a"]}, "header"),
        ({"type": "standard_webhooks", "secrets": ["plain"]}, "secrets[0]"),
        ({"type": "stripe", "secrets": ["a"], "tolerance_s": 5}, "tolerance_s"),
        ({"type": "hmac", "header": "X-S", "secrets": ["a"], "content": "{}"}, "content"),
        ({"type": "hmac", "header": "X-S", "secrets": ["a"], "content": "{body}{body}"}, "content"),
        (
            {"type": "hmac", "header": "X-S", "secrets": ["a"], "timestamp_header": "X-T"},
            "timestamp_header",
        ),
        (
            {"type": "hmac", "header": "X-S", "secrets": ["a"], "content": "{timestamp}{body}"},
            "timestamp_header",
        ),
    ],
)
def test_what_a_verification_lacks_is_named(verification, field):
    assert list(faults_of(a_source, verification=verification)) == [f"verification.{field}"]
