"""What cannot be sent is not saved: the egress rules when a document is read."""

import pytest

from pipeline.documents import read_document
from pipeline.settings import parse_networks

PLACE = "accounts[0].webhooks[0].url"


def read(url, allow="", *, allow_http=False):
    webhook = {"id": "crm", "name": "CRM", "position": "end", "url": url}
    value = {"accounts": [{"id": 25, "name": "Denver Doors", "webhooks": [webhook]}]}
    document = read_document(value, allow_http=allow_http, allowed=parse_networks(allow))
    return {fault.field: fault.message for fault in document.faults}


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("https://10.1.2.3/in?id=5", "private"),
        ("https://169.254.169.254/latest/meta-data", "metadata"),
        ("https://2130706433/", "loopback"),
        ("https://[::ffff:192.168.0.1]/", "private"),
        ("https://localhost:8400/", "loopback"),
        ("https://hooks.example.com:25/", "port"),
        ("https://134744072/", "spelling"),
    ],
)
def test_a_url_that_no_request_may_go_to_is_a_fault_that_names_rule_and_address(url, rule):
    found = read(url)
    assert list(found) == [PLACE]
    host = url.removeprefix("https://").split("/")[0]
    assert f"is refused ({rule}): " in found[PLACE]
    assert found[PLACE].split(" ")[0] in host


def test_what_an_operator_allows_can_be_saved():
    assert read("https://127.0.0.1:8400/in", "127.0.0.1:8400") == {}
    assert read("http://127.0.0.1:8400/in", "127.0.0.1:8400", allow_http=True) == {}
    assert PLACE in read("https://127.0.0.1:8401/in", "127.0.0.1:8400")


def test_a_name_is_saved_without_a_look_up():
    assert read("https://inner.example.com/in?id=5") == {}
