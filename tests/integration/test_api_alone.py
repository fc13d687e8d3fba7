"""`hookline api` as a process of its own: served, documented, and ended in order."""

from __future__ import annotations

from agents.api.admin_key import create_admin_key
from tests.support.api import Client
from tests.support.brokers import settings_for
from tests.support.waiting import eventually

KNOWN_S = 30


def test_an_api_by_itself_serves_operations_its_documentation_and_its_pages(pipeline, tmp_path):
    api = pipeline.start("api", HOOKLINE_API_PORT="0", HOOKLINE_DATA_DIR=str(tmp_path / "data"))
    api.wait_ready()
    settings = settings_for(pipeline.bootstrap, topic_prefix=pipeline.prefix)
    key = create_admin_key(settings, "operations")

    client = Client(api.port, key)
    eventually(lambda: client.get("accounts").status == 200, KNOWN_S)
    anybody = Client(api.port, root="/")
    assert "hookline_api_requests_total" in anybody.get("metrics").text
    described = anybody.get("openapi.json")
    assert (described.status, described.body["openapi"]) == (200, "3.1.0")
    page = anybody.get("docs")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]

    assert api.stop() == 0
    said = api.log.read_text()
    assert '"api.stopped"' in said
    assert key not in said
