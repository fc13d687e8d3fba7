"""Every route with every kind of key: what is another account's does not exist."""

import pytest

from agents.api.operations import OPERATIONS
from tests.support.owners import an_api_without_agents
from tests.support.tenants import a_tenant

UNKNOWN_ACCOUNT = 7_777
BODY_METHODS = ("POST", "PUT", "PATCH")


@pytest.fixture(scope="module")
def api(prepared, tmp_path_factory):
    others = {"allow_http": True, "egress_allow": "127.0.0.0/8", "api_rate_max": 10_000}
    with an_api_without_agents(prepared, tmp_path_factory.mktemp("data"), **others) as made:
        yield made


@pytest.fixture(scope="module")
def mine(api):
    return a_tenant(api, 25, 0)


@pytest.fixture(scope="module")
def theirs(api):
    return a_tenant(api, 26, 1)


def of_accounts():
    return [it for it in OPERATIONS if "{account}" in it.path]


def asked(client, operation, account, record_id="x", query=""):
    """What an operation answers, for an account and a thing of it."""
    path = operation.path.removeprefix("/api/v1/")
    path = path.replace("{account}", str(account)).replace("{id}", record_id)
    body = {} if operation.method in BODY_METHODS else None
    return client.request(operation.method, path + query, body)


def said(answered, *names):
    """An answer without what tells requests apart, and without what was asked for."""
    text = answered.text
    if answered.body:
        text = text.replace(answered.body.get("request_id", "-"), "-")
    for name in names:
        text = text.replace(str(name), "-")
    return answered.status, text


def test_nothing_is_looked_up_for_an_account_of_others_so_no_time_tells_of_it(
    mine, theirs, monkeypatch
):
    """An operation that is begun is answered 500 here; those of others are never begun."""
    monkeypatch.setattr("agents.api.handling.Call", None)
    for operation in of_accounts():
        for account in (theirs.account_id, UNKNOWN_ACCOUNT):
            for record_id in ("x", *theirs.ids.values()):
                assert asked(mine.all, operation, account, record_id).status == 404
    begun = asked(mine.all, of_accounts()[0], mine.account_id)
    assert begun.status == 500


@pytest.mark.parametrize("operation", of_accounts(), ids=lambda it: f"{it.method} {it.path}")
def test_an_account_of_others_is_as_if_it_were_not_there(operation, mine, theirs):
    for client in (mine.all, mine.reader, mine.ingester):
        nowhere = said(asked(client, operation, UNKNOWN_ACCOUNT), UNKNOWN_ACCOUNT)
        assert nowhere[0] == 404
        for record_id in ("x", *theirs.ids.values()):
            answered = asked(client, operation, theirs.account_id, record_id)
            assert said(answered, theirs.account_id) == nowhere


@pytest.mark.parametrize(
    "operation",
    [it for it in of_accounts() if "{id}" in it.path],
    ids=lambda it: f"{it.method} {it.path}",
)
def test_a_thing_of_others_is_as_if_it_were_not_there(operation, mine, theirs):
    nowhere = said(asked(mine.all, operation, mine.account_id, "nothing"), "nothing")
    assert 400 <= nowhere[0] < 500
    for record_id in theirs.ids.values():
        answered = asked(mine.all, operation, mine.account_id, record_id)
        assert 400 <= answered.status < 500
        if answered.status == 404 or nowhere[0] != 404:  # else its form alone was refused
            assert said(answered, record_id) == nowhere
        assert theirs.mark not in answered.text.replace(record_id, "-")


@pytest.mark.parametrize(
    "operation",
    [it for it in of_accounts() if it.method == "GET" and it.query is not None],
    ids=lambda it: it.path,
)
def test_a_search_for_a_thing_of_others_finds_what_one_for_nothing_finds(operation, mine, theirs):
    for name in (it for it in operation.query.model_fields if it.endswith("_id")):
        nowhere = asked(mine.reader, operation, mine.account_id, query=f"?{name}=nothing")
        for record_id in theirs.ids.values():
            found = asked(mine.reader, operation, mine.account_id, query=f"?{name}={record_id}")
            assert said(found, record_id) == said(nowhere, "nothing")


def test_an_account_sees_its_own_in_every_list_and_nothing_else(mine, theirs):
    for operation in of_accounts():
        if operation.method == "GET" and "{id}" not in operation.path:
            answered = asked(mine.all, operation, mine.account_id)
            assert theirs.mark not in answered.text
            if "explain" not in operation.path:  # which needs to know of what
                assert answered.status == 200
                assert mine.mark in answered.text, operation.path


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: f"{it.method} {it.path}")
def test_a_key_does_what_its_scopes_say_and_no_more(operation, api, mine):
    clients = {"read": mine.reader, "ingest": mine.ingester, "write": mine.all}
    for scope, client in clients.items():
        may = operation.scope in ({"read", "write", "ingest"} if scope == "write" else {scope})
        if not may:
            assert asked(client, operation, mine.account_id).status == 403
    assert asked(api.client(None), operation, mine.account_id).status == 401
    assert asked(api.client(f"{mine.ids['key']}.x"), operation, mine.account_id).status == 401


def test_a_key_that_was_revoked_opens_nothing(mine):
    below = mine.all.below(f"accounts/{mine.account_id}/")
    made = below.post("keys", {"name": "short-lived", "scopes": ["read"]}).body
    client = type(mine.all)(mine.all.port, made["key"])
    assert client.get("phases").status == 200

    assert below.delete(f"keys/{made['id']}").status == 204

    assert client.get("phases").status == 401
    assert below.delete(f"keys/{made['id']}").status == 404


def test_a_key_gives_no_scope_that_it_has_not(api, mine):
    below = mine.all.below(f"accounts/{mine.account_id}/")
    writer = below.post("keys", {"name": "writer", "scopes": ["write"]}).body["key"]
    client = api.client(writer).below(f"accounts/{mine.account_id}/")

    assert client.post("keys", {"name": "more", "scopes": ["write", "read"]}).status == 403
    assert client.post("keys", {"name": "same", "scopes": ["write"]}).status == 201


def test_an_account_changes_itself_but_not_what_it_is_entitled_to(api, mine):
    path = f"accounts/{mine.account_id}"

    changed = mine.all.patch(path, {"time_zone": "Europe/Berlin"})
    assert (changed.status, changed.body["time_zone"]) == (200, "Europe/Berlin")
    assert mine.all.patch(path, {"features": {"enhanced_caller_id": True}}).status == 403
    assert api.admin.patch(path, {"features": {"enhanced_caller_id": True}}).status == 200
    assert mine.all.patch(path, {"time_zone": None}).body["time_zone"] == "UTC"


def test_an_account_with_something_in_it_stays_and_its_keys_go_with_it(api, theirs):
    refused = api.admin.delete(f"accounts/{theirs.account_id}")
    assert refused.status == 409
    assert "webhooks: 1, triggers: 1, sources: 1" in refused.body["detail"]

    client = api.account(99)
    assert api.admin.delete("accounts/99").status == 204
    assert client.get("accounts/99").status == 401
    api.account(99)
    assert client.get("accounts/99").status == 401  # a number that is used again opens nothing
