"""CallTrackingMetrics' names for the fields of a webhook."""

import pytest

from agents.api.ctm import Translation
from tests.support.builders import a_webhook

LINK = a_webhook(body_type="resource_link")
PIXEL = a_webhook(body_type="pixel")


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"weburl": "https://x/"}, {"url": "https://x/"}),
        ({"weburl": "https://x/", "url": "https://x/"}, {"url": "https://x/"}),
        ({"with_resource_url": True}, {"body_type": "resource_link"}),
        ({"with_resource_url": "1"}, {"body_type": "resource_link"}),
        ({"with_resource_url": False}, {"body_type": "log_data"}),
        ({"with_resource_url": False, "body_type": "pixel"}, {"body_type": "pixel"}),
        ({"disabled": True}, {"enabled": False}),
        ({"disabled": "false"}, {"enabled": True}),
        ({"disabled": True, "enabled": False}, {"enabled": False}),
        (
            {"username": "u", "password": "p"},
            {"basic_auth": {"username": "u", "password": "p"}},
        ),
        ({"username": "u"}, {"basic_auth": {"username": "u"}}),
        ({"username": "", "password": None}, {"basic_auth": None}),
        ({"client_id": 3, "client_type": "x", "status": "success", "webhook": {}}, {}),
        ({"name": "CRM", "url": "https://x/"}, {"name": "CRM", "url": "https://x/"}),
    ],
)
def test_its_names_are_translated(given, fields):
    translation = Translation(given, None)
    assert translation.fields == fields
    assert translation.faults == translation.warnings == []


def test_no_resource_url_leaves_a_pixel_a_pixel():
    assert Translation({"with_resource_url": False}, PIXEL).fields == {}
    assert Translation({"with_resource_url": False}, LINK).fields == {"body_type": "log_data"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"weburl": "https://x/", "url": "https://y/"}, "weburl"),
        ({"with_resource_url": True, "body_type": "pixel"}, "with_resource_url"),
        ({"with_resource_url": "maybe"}, "with_resource_url"),
        ({"with_resource_url": []}, "with_resource_url"),
        ({"disabled": True, "enabled": True}, "disabled"),
        ({"disabled": None}, "disabled"),
        ({"username": "u", "basic_auth": None}, "username"),
    ],
)
def test_names_that_contradict_each_other_are_a_fault(given, field):
    (fault,) = Translation(given, None).faults
    assert fault.field == field


def test_what_means_nothing_here_is_warned_of():
    translation = Translation({"hooktype": "call"}, None)
    assert translation.fields == {}
    assert [warning.field for warning in translation.warnings] == ["hooktype"]
