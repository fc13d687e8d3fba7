import pytest

from tests.support.builders import a_key, a_source, a_trigger, a_webhook, an_account
from tests.support.faults import faults_of

SECRET = "whsec_" + "QUJD" * 8


def test_position_takes_every_spelling_of_a_phase_and_keeps_its_id():
    assert a_webhook(position="End_Delayed").position == "end_delayed"


def test_weburl_is_another_name_of_url():
    assert a_webhook(weburl="https://crm.example.com/").url == "https://crm.example.com/"


def test_both_names_at_once_are_one_too_many():
    faults = faults_of(a_webhook, weburl="https://a.example", url="https://b.example")

    assert faults == {"weburl": "unknown field"}


@pytest.mark.parametrize("given", [42, "42"])
def test_an_id_that_looks_like_a_number_is_text(given):
    assert a_webhook(id=given).id == "42"


@pytest.mark.parametrize("given", ["", "-a", "Crm", "a b", "a" * 64, "crm\n", True, 1.5, None])
def test_an_id_is_a_slug(given):
    assert list(faults_of(a_webhook, id=given)) == ["id"]


@pytest.mark.parametrize(
    "url",
    [
        *("https://crm.example.com", "http://crm.example.com:8080/in?a=%20#part"),
        *("https://[2001:db8::1]/in", "https://müller.example/", "HTTPS://crm.example.com/"),
        *("https://crm.example.com/{{ id }}?{{name}}={{sale.value}}", "https://a.example?{{id}}"),
    ],
)
def test_a_full_url_is_kept_as_it_was_written(url):
    assert a_webhook(url=url).url == url


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("crm.example.com", "must be a full URL"),
        ("ftp://crm.example.com", "must be a full URL"),
        ("https://", "must be a full URL"),
        ("https:///in", "must be a full URL"),
        ("https://crm.example.com/a b", "has a blank or a control character"),
        ("https://crm.example.com/\n", "has a blank or a control character"),
        ("https://[::1", "not a URL"),
        ("https://crm.example.com:99999/", "not a URL"),
        ("https://crm.example.com:0/", "port 0"),
        ("https://me:pw@crm.example.com/", "has a user name"),
        ("https://crm.example.com\\@evil.example/", "has a user name"),
        ("https://{{name}}.example.com/", "no token may stand in the scheme, host or port"),
        ("https://crm.example.com:{{id}}/", "not a URL"),
        ("https://{{id}}@crm.example.com/", "no token may stand"),
        ("https://crm.example.com?{{id", "a token is two braces"),
        ("https://crm.example.com/{{{id}}}", "a token is two braces"),
        ("https://crm.example.com/" + "x" * 4_096, "at most 4096 characters"),
    ],
)
def test_any_other_url_is_refused_with_the_reason(url, complaint):
    assert complaint in faults_of(a_webhook, url=url)["url"]


@pytest.mark.parametrize("name", ["", "no blanks", "X-A\n", "X-A:", "Ünder", "x" * 201])
def test_a_header_has_a_name_that_http_allows(name):
    assert list(faults_of(a_webhook, headers=[{"name": name, "value": "1"}])) == ["headers[0].name"]


@pytest.mark.parametrize("value", ["two\r\nlines", "end\n", "\x00", "é", "x" * 4_097])
def test_a_header_has_a_value_that_cannot_end_its_line(value):
    assert list(faults_of(a_webhook, headers=[{"name": "X-A", "value": value}])) == [
        "headers[0].value"
    ]


@pytest.mark.parametrize("name", ["Host", "content-length", "Webhook-Signature", "X-CTM-Signature"])
def test_headers_that_hookline_sets_cannot_be_given(name):
    faults = faults_of(a_webhook, headers=[{"name": name, "value": "1"}])

    assert "is set by Hookline itself" in faults["headers[0].name"]


def test_a_header_is_given_once_whatever_its_case():
    headers = [{"name": "X-Team", "value": "a"}, {"name": "x-team", "value": "b"}]

    assert faults_of(a_webhook, headers=headers) == {"headers": "x-team given more than once"}


def test_user_names_of_basic_authentication_have_no_colon():
    faults = faults_of(a_webhook, basic_auth={"username": "a:b", "password": "c"})

    assert list(faults) == ["basic_auth.username"]


def test_signing_takes_the_secrets_of_standard_webhooks():
    assert a_webhook(signing={"secrets": [SECRET]}).signing.scheme == "standard"


@pytest.mark.parametrize(
    "secret",
    ["", "QUJD" * 8, "whsec_", "whsec_" + "QUJD" * 7, "whsec_" + "QUJD" * 22, "whsec_" + "*" * 32],
)
def test_any_other_secret_is_refused_before_it_could_fail_at_sending(secret):
    faults = faults_of(a_webhook, signing={"secrets": [secret]})

    assert list(faults) == ["signing.secrets[0]"]


def test_a_scheme_needs_a_secret():
    faults = faults_of(a_webhook, signing={"scheme": "standard"})

    assert faults == {"signing.secrets": "standard needs at least one"}


@pytest.mark.parametrize("timeout_s", ["10", True, 0.5, 31, None])
def test_a_timeout_is_a_number_of_seconds_within_bounds(timeout_s):
    assert list(faults_of(a_webhook, timeout_s=timeout_s)) == ["timeout_s"]


@pytest.mark.parametrize(
    ("retry", "attempts_max"),
    [
        ({}, 10),
        ({"schedule": []}, 1),
        ({"schedule": [], "max_attempts": 5}, 1),
        ({"schedule": ["5s", "30s"]}, 3),
        ({"schedule": ["5s"], "max_attempts": 7}, 7),
        ({"schedule": ["5s", "30s"], "max_attempts": 2}, 2),
    ],
)
def test_attempts_are_those_of_the_schedule_unless_a_number_is_given(retry, attempts_max):
    assert a_webhook(retry=retry).retry.attempts_max == attempts_max


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"op": "set", "value": 1}, "set takes none"),
        ({"op": "eq"}, "eq needs one"),
        ({"op": "in"}, "in needs one"),
        ({"op": "in", "value": "a"}, "in takes a list"),
        ({"op": "eq", "value": ["a"]}, "eq takes a single value"),
        ({"op": "eq", "value": "x" * 1_001}, "must be text of at most 1000 characters"),
        ({"op": "in", "value": [[]]}, "must be text of at most 1000 characters"),
    ],
)
def test_a_rule_has_a_value_that_fits_its_operator(rule, complaint):
    faults = faults_of(a_webhook, filter={"all": [{"field": "source", **rule}]})

    assert complaint in faults["filter.all[0].value"]


@pytest.mark.parametrize("written", [5, "talk_time > 3", []])
def test_a_filter_is_an_object(written):
    assert list(faults_of(a_webhook, filter=written)) == ["filter"]


def test_a_time_zone_is_one_that_exists():
    assert an_account(time_zone="America/Denver").time_zone == "America/Denver"
    assert "unknown time zone 'Denver'" in faults_of(an_account, time_zone="Denver")["time_zone"]


def test_triggers_sources_and_keys_report_their_faults_too():
    assert list(faults_of(a_trigger, actions=[])) == ["actions"]
    assert list(faults_of(a_trigger, actions=[{"type": "fax"}])) == ["actions[0]"]
    assert list(faults_of(a_source, token_hash="abc")) == ["token_hash"]
    assert list(faults_of(a_key, scopes=["admin"])) == ["scopes[0]"]


@pytest.mark.parametrize(
    ("make", "written", "said"),
    [
        (a_trigger, {"actions": [{"type": "text", "to": ["5550100"]}]}, "such as +13035550100"),
        (a_trigger, {"actions": [{"type": "email", "to": ["Al <a@b.co>"]}]}, "an email address"),
        (a_webhook, {"retry": {"retry_on": ["2xx"]}}, "a status such as 429"),
        (a_webhook, {"basic_auth": {"username": "u", "password": "\n"}}, "no control character"),
        (a_key, {"secret_hash": "ABC"}, "SHA-256 in hex"),
    ],
)
def test_text_of_another_form_is_told_the_form_and_not_a_pattern(make, written, said):
    (message,) = faults_of(make, **written).values()

    assert said in message


def test_only_a_pixel_is_fetched_with_get():
    assert a_webhook(method="GET", body_type="pixel").method == "GET"
    for body_type in ("log_data", "resource_link"):
        faults = faults_of(a_webhook, method="GET", body_type=body_type)
        assert faults == {"method": f"only a pixel may be sent with GET, not {body_type}"}


@pytest.mark.parametrize("body_type", ["pixel", "resource_link"])
def test_only_log_data_has_a_format(body_type):
    faults = faults_of(a_webhook, body_type=body_type, format={"kind": "timeseries_7d"})

    assert faults == {"format": f"only log_data has one, not {body_type}"}


def test_a_template_is_json_unless_it_says_otherwise():
    given = a_webhook(format={"kind": "mustache", "template": "{{id}}"})

    assert given.format.content_type == "application/json"


@pytest.mark.parametrize("content_type", ["", "json", "text/plain\r\nX: y", "a/b c"])
def test_a_content_type_is_a_media_type(content_type):
    given = {"kind": "mustache", "template": "x", "content_type": content_type}

    assert list(faults_of(a_webhook, format=given)) == ["format.content_type"]


@pytest.mark.parametrize("per_second", [0.01, 1, 2.5, 10_000])
def test_a_rate_limit_is_a_number_of_requests_a_second(per_second):
    webhook = a_webhook(rate_limit={"per_second": per_second})

    assert webhook.rate_limit.per_second == per_second


@pytest.mark.parametrize("given", [0, 0.009, 10_001, "5", True, None])
def test_a_rate_beyond_what_can_be_kept_is_refused(given):
    assert list(faults_of(a_webhook, rate_limit={"per_second": given})) == ["rate_limit.per_second"]


def test_only_updates_replace_one_another():
    assert a_webhook(position="update", coalesce=True).coalesce

    faults = faults_of(a_webhook, position="end", coalesce=True)

    assert faults == {"coalesce": "only an update replaces another, not end"}


def test_a_webhook_has_no_shards():
    assert faults_of(a_webhook, shards=4) == {"shards": "unknown field"}
