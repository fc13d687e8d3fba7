"""The running API keeps to its own description, whatever it is sent, on either database."""

from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from agents.api import writing
from agents.api.openapi import openapi
from agents.api.operations import OPERATIONS
from pipeline.secret_keys import written
from tests.support.api import an_api
from tests.support.commands import NEW
from tests.support.databases import a_new_database
from tests.support.tenants import a_tenant

# Each costs some 20 ms, most of it to think of it. Eighty of each found nothing more.
EXAMPLES = 5

# The server itself refuses a request line of more than 8,190 characters, before any of our code.
QUERY_CHARACTERS_MAX = 7_500

SCHEMA = schemathesis.openapi.from_dict(openapi(OPERATIONS, "http://127.0.0.1"))
DESCRIBED = [it.ok() for it in SCHEMA.get_all_operations()]
KEEPING_TO_IT = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# What the history answers is asked of both databases, the rest of one.
TAGS_OF_HISTORY = {"Activities", "Deliveries", "Log", "Inbound"}
OF_HISTORY = {it.path for it in OPERATIONS if it.tag in TAGS_OF_HISTORY}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def tenant(request, prepared, tmp_path_factory):
    """An account with something of every kind, whose history is of one kind, then of the other."""
    ours = {
        "secret_keys": written(NEW),
        "data_dir": tmp_path_factory.mktemp("data"),
        "allow_http": True,
        "egress_allow": "127.0.0.1/32:8009",
        "api_rate_max": 10_000,
    }
    if request.param == "postgresql":
        ours["database_url"] = a_new_database(request.getfixturevalue("postgresql"))
    with pytest.MonkeyPatch.context() as patch, an_api(prepared.model_copy(update=ours)) as api:
        patch.setattr(writing, "CONFIG_STALENESS_MS_MAX", 0)  # there are no agents to wait for
        yield a_tenant(api, 25 if request.param == "sqlite" else 26, 0), api


@pytest.mark.parametrize("operation", DESCRIBED, ids=lambda it: it.label)
@pytest.mark.parametrize("mode", GenerationMode, ids=lambda it: it.value)
def test_every_answer_is_one_that_the_description_names(operation, mode, tenant):
    owner, api = tenant
    if api.settings.database_url is not None and operation.path not in OF_HISTORY:
        return
    ids = st.sampled_from([*owner.ids.values()])

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(case=operation.as_strategy(generation_mode=mode), known=st.none() | ids)
    def keeps_to_it(case, known):
        if "account" in case.path_parameters:
            case.path_parameters["account"] = owner.account_id
        if known is not None and "id" in case.path_parameters:
            case.path_parameters["id"] = known
        assume(len(urlencode(case.query or {}, doseq=True)) < QUERY_CHARACTERS_MAX)
        key = {"Authorization": f"Bearer {api.admin.key}"}
        response = case.call(base_url=f"http://127.0.0.1:{api.port}", headers=key)
        case.validate_response(response, checks=KEEPING_TO_IT)

    keeps_to_it()
