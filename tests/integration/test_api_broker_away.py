"""The API whose broker goes away: writes say so soon, reading goes on, then all is as before."""

import time

from agents.kafka.topics import create_topics
from tests.support.api import an_api
from tests.support.brokers import settings_for
from tests.support.tenants import NOWHERE, a_tenant
from tests.support.waiting import eventually

# Five seconds are promised; a machine that does other things may take twice as long.
SOON_S = 10
BACK_S = 60


def a_write(below, name):
    """Change the webhook's name."""
    return below.patch("webhooks/hook-marked25", {"name": name})


def test_while_the_broker_is_away_writes_say_so_soon_and_reading_goes_on(own_broker, tmp_path):
    settings = settings_for(
        own_broker.bootstrap_servers,
        data_dir=tmp_path,
        job_partitions=1,
        allow_http=True,
        egress_allow="127.0.0.0/8",
    )
    create_topics(settings)
    with an_api(settings) as api:
        below = a_tenant(api, 25, 0).all.below("accounts/25/")
        own_broker.stop()

        event = {"phase": "end", "activity": {"id": 1}}
        for write in (
            lambda: a_write(below, "while away"),
            lambda: below.post("webhooks", {"name": "new", "position": "end", "url": NOWHERE}),
            lambda: below.post("activities", event),
        ):
            began_s = time.monotonic()
            answered = write()
            assert answered.status == 503
            assert answered.body["detail"].startswith("kafka: ")
            assert int(answered.headers["Retry-After"]) > 0
            assert time.monotonic() - began_s < SOON_S
        for path in ("webhooks", "webhooks/hook-marked25", "attempts", "deliveries", "activities"):
            assert below.get(path).status == 200
        assert below.get("webhooks/hook-marked25").body["name"] == "marked25"

        own_broker.start()
        eventually(lambda: a_write(below, "back again").status == 200, BACK_S)
        assert below.get("webhooks/hook-marked25").body["name"] == "back again"
        assert below.post("activities", event).status < 300
