"""Keys: whose they are, and that whatever is wrong with one is answered alike."""

import base64

import pytest

from agents.api.auth import authenticated
from agents.api.minting import minted
from agents.api.problems import Problem
from pipeline.configs import Configs
from schemas.codec import encode
from tests.support.configs import configs_of


def configs_with(*keys) -> Configs:
    return configs_of(*(key.record for key in keys))


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def problem_with(authorization, configs) -> Problem:
    with pytest.raises(Problem) as raised:
        authenticated(authorization, configs)
    return raised.value


def test_a_key_is_known_whole_as_bearer_and_in_halves_as_basic():
    key = minted(25, "CRM", ["read"])
    configs = configs_with(key)

    for authorization in (f"Bearer {key.token}", basic(key.record.id, key.secret)):
        principal = authenticated(authorization, configs)
        assert (principal.key_id, principal.account_id) == (key.record.id, 25)
        assert principal.scopes == {"read"}
        assert not principal.is_admin


def test_a_key_without_an_account_is_an_admin_key_and_may_do_everything():
    key = minted(None, "ops")

    principal = authenticated(f"Bearer {key.token}", configs_with(key))

    assert principal.is_admin
    assert principal.may_see(1)
    principal.require("admin")


def test_a_key_of_an_account_sees_its_own_and_does_what_its_scopes_say():
    key = minted(25, "CRM", ["ingest"])
    principal = authenticated(f"Bearer {key.token}", configs_with(key))

    assert (principal.may_see(25), principal.may_see(26)) == (True, False)
    principal.require("ingest")
    for scope in ("read", "write", "admin"):
        with pytest.raises(Problem, match="forbidden"):
            principal.require(scope)


KEY = minted(25, "CRM")
OTHER = minted(26, "other")


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {KEY.record.id}.{OTHER.secret}",
        f"Bearer {KEY.record.id}.",
        f"Bearer {KEY.record.id}",
        f"Bearer {KEY.record.id}.{KEY.record.secret_hash}",
        f"Bearer hk26-{KEY.record.id.partition('-')[2]}.{KEY.secret}",
        f"Bearer hk0-{KEY.record.id.partition('-')[2]}.{KEY.secret}",
        f"Bearer hk{'9' * 40}-a.{KEY.secret}",
        "Bearer hk25-nobody.nothing",
        "Bearer ../25/key/x.y",
        basic(KEY.record.id, "wrong"),
    ],
    # Keys are drawn anew, and every process of a run has to give the tests the same names.
    ids=[
        *("other secret", "no secret", "id alone", "hash", "other account", "admin's", "long"),
        *("unknown", "path", "wrong password"),
    ],
)
def test_a_wrong_key_is_answered_like_one_that_never_was(authorization):
    wrong = problem_with(authorization, configs_with(KEY))
    unknown = problem_with(authorization, configs_with())

    assert (wrong.status, wrong.detail, wrong.headers) == (401, unknown.detail, unknown.headers)
    assert "WWW-Authenticate" in wrong.headers


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Digest x", "Basic !", "Basic /w==", f"Bearer {'x' * 10_000}"],
)
def test_what_is_no_key_at_all_says_how_one_is_sent(authorization):
    assert problem_with(authorization, configs_with(KEY)).status == 401


def test_a_secret_is_not_in_the_record_that_is_kept():
    key = minted(25, "CRM")

    assert key.secret not in encode(key.record).decode()
    assert minted(25, "CRM").token != key.token
