"""Every body type and format as an endpoint receives it, and what ends on record instead."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from tests.support.builders import a_webhook, an_account, an_activity, an_event
from tests.support.pipelines import current_job

TEMPLATE = (
    '{"who": "{{caller_number}}", "seconds": {{{talk_time}}},'
    ' "tags": [{{#tag_list}}"{{.}}"{{^-last}},{{/-last}}{{/tag_list}}]}'
)
BROKEN = {"kind": "mustache", "template": '{"a":\n {{missing}}}'}


def mustache(template: str, content_type: str) -> dict[str, str]:
    return {"kind": "mustache", "template": template, "content_type": content_type}


def test_each_body_type_and_format_arrives_as_it_should(pipeline, endpoint):
    form = "application/x-www-form-urlencoded"
    webhooks = {
        "log": {},
        "link": {"body_type": "resource_link"},
        "pixel": {"body_type": "pixel", "method": "GET", "url": endpoint.url("/pixel/:callid")},
        "json": {"format": mustache(TEMPLATE, "application/json")},
        "form": {"format": mustache("who={{caller_number}}&tag={{tag_list.0}}", form)},
    }
    pipeline.apply(
        an_account(),
        *(a_webhook(**{"id": n, "url": endpoint.url(f"/{n}"), **w}) for n, w in webhooks.items()),
    )
    pipeline.start("sender", HOOKLINE_PUBLIC_URL="https://hookline.example")
    for name in webhooks:
        pipeline.produce_job(current_job(f"e-{name}", name))
    attempts = pipeline.attempts(len(webhooks))

    assert [it.outcome for it in attempts] == ["delivered"] * len(webhooks)
    came = {arrival.path.split("/")[1]: arrival for arrival in endpoint.arrivals}
    activity = an_activity()
    assert json.loads(came["log"].body) == activity
    link = f"https://hookline.example/api/v1/accounts/25/calls/{activity['id']}.json"
    assert json.loads(came["link"].body) == {"resource_url": link}
    assert (came["pixel"].path, came["pixel"].body) == (f"/pixel/{activity['id']}", b"")
    assert json.loads(came["json"].body) == {
        "who": "+17205550123",
        "seconds": 42,
        "tags": ["new-lead"],
    }
    assert dict(parse_qsl(came["form"].body.decode())) == {"who": "+17205550123", "tag": "new-lead"}
    assert came["form"].headers["Content-Type"] == form
    assert {it.request.method for it in attempts} == {"GET", "POST"}


def test_a_body_that_cannot_be_made_ends_the_delivery_with_the_reason(pipeline, endpoint):
    pipeline.apply(an_account(), a_webhook(url=endpoint.url(), format=BROKEN))
    pipeline.start("sender")
    pipeline.produce_job(current_job("e1"))
    (attempt,) = pipeline.attempts(1)

    assert (attempt.outcome, attempt.reason, attempt.next.step) == (
        "blocked",
        "render_error",
        "end",
    )
    assert "line 2, column" in attempt.detail
    assert attempt.request is None
    assert endpoint.arrivals == []


def test_a_time_series_whose_history_is_away_is_tried_again(pipeline, endpoint):
    webhook = a_webhook(url=endpoint.url(), format={"kind": "timeseries_7d"})
    pipeline.apply(an_account(), webhook)
    pipeline.start("sender")
    pipeline.produce_job(current_job("e1"))
    (attempt,) = pipeline.attempts(1)

    assert (attempt.reason, attempt.next.step) == ("history_unavailable", "retry")
    assert "has a recorder run" in attempt.detail
    assert endpoint.arrivals == []


def test_a_retry_sends_the_body_of_the_first_attempt_and_the_url_of_now(pipeline, endpoint):
    endpoint.answer = lambda _, count: 503 if count == 1 else 200
    hook = {"retry": {"schedule": ["5s"]}, "format": mustache("v1 {{id}}", "text/plain")}
    pipeline.apply(an_account(), a_webhook(url=endpoint.url("/before"), **hook))
    pipeline.start("sender")
    pipeline.start("scheduler")
    pipeline.produce_job(current_job("e1"))
    pipeline.attempts(1)
    hook["format"] = mustache("v2 {{id}}", "text/plain")
    pipeline.apply(a_webhook(url=endpoint.url("/after"), **hook))
    pipeline.attempts(2)

    first, second = endpoint.arrivals
    assert (first.path, second.path) == ("/before", "/after")
    assert first.body == second.body == f"v1 {an_event().activity_id}".encode()
