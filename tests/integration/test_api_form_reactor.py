"""Forms under CallTrackingMetrics' paths: what is taken, what is refused, and how it is said."""

import pytest

from agents.api import writing
from pipeline.form_bodies import FORM_TYPE
from tests.support.api import an_api

NUMBER = {"phone_number": "+17205550123"}


@pytest.fixture(scope="module")
def api(prepared, tmp_path_factory):
    ours = {"data_dir": tmp_path_factory.mktemp("data")}
    with pytest.MonkeyPatch.context() as patch, an_api(prepared.model_copy(update=ours)) as made:
        patch.setattr(writing, "CONFIG_STALENESS_MS_MAX", 0)  # there are no agents to wait for
        yield made


@pytest.fixture(scope="module")
def site(api):
    """A client with a key that may send activities and nothing else."""
    made = api.account(25).post("accounts/25/keys", {"name": "Web site", "scopes": ["ingest"]})
    return api.client(made.body["key"])


def test_the_forms_name_is_in_the_path_and_what_is_unknown_is_named_in_a_warning(site):
    made = site.post("formreactor/Get%20a%20quote.json", {**NUMBER, "submit": "Send"})
    assert (made.status, made.body["status"]) == (200, "success"), made.text
    activity = made.body["activity"]
    assert (activity["source"], activity["form"]["form_id"]) == ("Get a quote", "Get a quote")
    assert (activity["id"], activity["account_id"]) == (made.body["id"], 25)
    assert [it["field"] for it in made.body["warnings"]] == ["submit"]
    assert site.post("formreactor/Quote", NUMBER).body["id"] != made.body["id"]


def test_faults_name_the_field_as_it_was_written(site):
    assert site.post("formreactor/Quote").faults.keys() == {"caller_number"}
    bad = site.post("formreactor/Quote", b"phone_number=555&country_code=1", Content_Type=FORM_TYPE)
    assert (bad.status, [*bad.faults]) == (422, ["phone_number"])
    nested = {"form_reactor": {**NUMBER, "country_code": "UK"}, "custom_fields": {"fields": "x"}}
    assert site.post("formreactor/Quote.json", nested).faults.keys() == {
        *("form_reactor.country_code", "custom_fields.fields"),
    }
    twice = site.post("formreactor/Quote", b"email=a&email=b", Content_Type=FORM_TYPE)
    assert (twice.status, [*twice.faults]) == (400, ["email"])
    assert site.post("formreactor/" + "x" * 201, NUMBER).faults.keys() == {"id"}
    assert site.post("formreactor/Quote?key=x", NUMBER).status == 400


def test_a_form_is_json_or_urlencoded_and_no_larger_than_any_request(site):
    other = site.post("formreactor/Quote", b"phone_number=1", Content_Type="text/plain")
    assert (other.status, FORM_TYPE in other.body["detail"]) == (415, True)
    assert site.post("formreactor/Quote", b"x" * (1024 * 1024 + 1)).status == 413
    events = site.post("accounts/25/activities", b"phase=form", Content_Type=FORM_TYPE)
    assert (events.status, FORM_TYPE in events.body["detail"].partition(",")[0]) == (415, False)


def test_the_account_is_the_keys_and_an_admin_names_one(api, site):
    refused = api.admin.post("formreactor/Quote", NUMBER)
    assert (refused.status, "name one" in refused.body["detail"]) == (403, True)
    named = api.admin.post("accounts/25/formreactor/Quote.json", NUMBER)
    assert (named.status, named.body["activity"]["account_id"]) == (200, 25)
    assert site.post("accounts/26/formreactor/Quote", NUMBER).status == 404
    assert api.client(None).post("formreactor/Quote", NUMBER).status == 401


def test_an_idempotency_key_makes_one_form_of_two_that_have_no_id(site):
    first, again = (
        site.post("formreactor/Quote", NUMBER, Idempotency_Key="entry-1") for _ in range(2)
    )
    assert (first.status, first.body) == (200, again.body)
    assert again.headers["Idempotency-Replayed"] == "true"
