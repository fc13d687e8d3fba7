"""What is configured through the API, as agents act on it; and that no secret shows anywhere."""

from __future__ import annotations

import base64

import pytest

from schemas.topics import CONFIGS, topics
from tests.support.api import Client
from tests.support.api_pipelines import a_pipeline_with_api, admin_of
from tests.support.endpoints import an_endpoint
from tests.support.topic_reader import TopicReader
from tests.support.waiting import eventually

QUIET_S = 40
# Nothing else has these letters in it, so wherever they are found they were let out.
PLANTED = {
    "headers": [{"name": "X-Key", "value": "plantedheaderzq"}],
    "basic_auth": {"username": "u", "password": "plantedpasswordzq"},
    "signing": {"scheme": "standard", "secrets": ["whsec_plantedsigningzqplantedsigningzq"]},
}
SECRETS = (
    *("plantedheaderzq", "plantedpasswordzq", "plantedsigningzq"),
    base64.b64encode(b"u:plantedpasswordzq").decode(),
)


@pytest.fixture(scope="module")
def pipeline(broker, tmp_path_factory):
    """An installation with a matcher, a sender, a recorder and the API, all processes."""
    directory = tmp_path_factory.mktemp("installation")
    with a_pipeline_with_api(broker, directory, "recorder", "matcher", "sender") as made:
        yield made


@pytest.fixture(scope="module")
def admin(pipeline):
    return admin_of(pipeline)


@pytest.fixture(scope="module")
def account(admin):
    """A client of the account whose events `pipeline.publish` publishes."""
    assert admin.post("accounts", {"id": 25, "name": "Denver Doors"}).status == 201
    return admin.below("accounts/25/")


def arrived(endpoint, path):
    return [arrival for arrival in endpoint.arrivals if arrival.path == path]


def test_a_change_is_in_effect_on_every_agent_when_it_is_answered(pipeline, account, endpoint):
    webhook = {"id": "crm", "name": "CRM", "position": "end", "url": endpoint.url("/first")}
    assert account.post("webhooks", webhook).status == 201
    pipeline.publish(["e1"])
    eventually(lambda: arrived(endpoint, "/first"), QUIET_S)

    account.patch("webhooks/crm", {"url": endpoint.url("/second")})
    pipeline.publish(["e2"])
    eventually(lambda: arrived(endpoint, "/second"), QUIET_S)

    account.post("webhooks", {**webhook, "id": "other", "url": endpoint.url("/other")})
    account.post("webhooks/crm/disable")
    pipeline.publish(["e3"])
    eventually(lambda: arrived(endpoint, "/other"), QUIET_S)
    account.delete("webhooks/other")
    account.post("webhooks/crm/enable")
    pipeline.publish(["e4"])
    eventually(lambda: len(arrived(endpoint, "/second")) == 2, QUIET_S)
    assert len(endpoint.arrivals) == 4
    account.delete("webhooks/crm")


def test_no_secret_is_in_any_answer_log_attempt_or_metric(pipeline, admin, account):
    with an_endpoint(answer=lambda _, _count: 500) as endpoint:
        webhook = {"id": "crm", "name": "CRM", "position": "sale", "url": endpoint.url(), **PLANTED}
        made = account.post("webhooks", webhook)
        assert made.status == 201, made.text
        pipeline.publish(["s1"], phase="sale")
        (arrival,) = eventually(lambda: endpoint.arrivals, QUIET_S)
    assert arrival.headers["X-Key"] == "plantedheaderzq"
    assert arrival.headers["Authorization"] == f"Basic {SECRETS[-1]}"
    eventually(lambda: account.get("attempts?webhook_id=crm").body["items"], QUIET_S)

    answers = [made, *answers_of(account), *pages_of(admin)]
    shown = [(answer.status, answer.text) for answer in answers]
    shown += [(name, pipeline.agents[name].log.read_text()) for name in pipeline.agents]
    on_topics = {topic.name: everything_on(pipeline, topic.name) for topic in topics()}
    assert "sealed:new:" in on_topics[CONFIGS]
    shown += on_topics.items()
    assert [(place, secret) for place, text in shown for secret in SECRETS if secret in text] == []
    assert "sealed:" not in "".join(answer.text for answer in answers)


def answers_of(account):
    """Answers in which the secrets could be, faults about them included."""
    yield account.get("webhooks")
    yield account.get("webhooks.json")
    yield account.get("webhooks/crm")
    yield account.get("webhooks/crm.json")
    yield account.patch("webhooks/crm", {"name": "CRM 2"})
    yield account.put("webhooks/crm", {**PLANTED, "id": "crm", "name": "CRM"})
    faulty = {
        "headers": [{"name": "X Key", "value": "plantedheaderzq\n"}],
        "basic_auth": {"username": "a:b", "password": "plantedpasswordzq\n"},
        "signing": {"scheme": "standard", "secrets": ["plantedsigningzq"]},
        "username": "plantedpasswordzq",
    }
    yield account.patch("webhooks/crm", faulty)
    yield account.post("webhooks.json", {**faulty, "weburl": "plantedheaderzq"})
    yield account.patch("webhooks/crm", b'{"headers": "plantedheaderzq')
    given = {"name": "x", "position": "end", "url": "https://x.example.com/", **PLANTED}
    tried = [
        account.post("webhooks/crm/preview", {}),
        account.post("webhooks/crm/preview", {"webhook": given}),
        account.post("webhooks/crm/test", {}),
        account.post("webhooks/crm/run", {"activity_id": "s1"}),
    ]
    assert {answer.status for answer in tried} <= {200, 201, 202}, tried
    yield from tried
    for path in ("activities", "attempts", "deliveries", "explain?event_id=s1"):
        answer = account.get(path)
        assert answer.status == 200, answer.text
        yield answer
        for item in answer.body.get("items", []) if path in {"attempts", "deliveries"} else []:
            yield account.get(f"{path}/{item['id']}")
            if path == "deliveries":
                yield account.post(f"{path}/{item['id']}/rerun", {})


def pages_of(admin):
    """The pages that belong to no account."""
    for page in ("metrics", "openapi.json", "docs", "ready"):
        answer = Client(admin.port, admin.key, "/").get(page)
        assert answer.status == 200, page
        yield answer


def everything_on(pipeline, name):
    """All bytes of a topic as text: keys, values and headers."""
    reader = TopicReader(pipeline, name)
    eventually(lambda: (reader.poll(), len(reader.messages) >= reader.end())[1], QUIET_S)
    reader.close()
    parts = [
        part
        for it in reader.messages
        for part in (it.key(), it.value(), *(value for _, value in it.headers() or []))
    ]
    return b"\n".join(part for part in parts if part).decode(errors="replace")
