"""Tokens of sources: chosen in a file or drawn, and kept as a hash only."""

import pytest

from pipeline.configs import Configs
from pipeline.documents import read_document, unresolved
from pipeline.source_tokens import CHARACTERS_MAX, hash_of, is_token, with_hash
from schemas.codec import Fault
from schemas.source import Source
from tests.support.builders import a_source
from tests.support.configs import configs_of

TOKEN = "denver-doors-quote-form-7f3a"


def document_of(*sources, account_id=25):
    given = [{"id": f"s{at}", "name": "Form", **each} for at, each in enumerate(sources)]
    account = {"id": account_id, "name": "Denver Doors", "sources": given}
    return read_document({"accounts": [account]}, allow_http=False)


def source_in(document):
    return next(it.record for it in document.records if isinstance(it.record, Source))


def test_a_token_in_a_file_is_kept_as_its_hash():
    document = document_of({"token": TOKEN, "deduplication": {"path": "entry.id"}})
    assert document.faults == []
    assert source_in(document).token_hash == hash_of(TOKEN)
    assert source_in(document_of({"token": None})).token_hash is None
    assert source_in(document_of({"token_hash": "a" * 64})).token_hash == "a" * 64


@pytest.mark.parametrize("token", ["short", "x" * (CHARACTERS_MAX + 1), f"{TOKEN}/", 7, ["x"]])
def test_what_could_be_guessed_or_stands_in_no_address_is_refused_without_repeating_it(token):
    document = document_of({"token": token})
    (fault,) = document.faults
    assert fault.field == "accounts[0].sources[0].token"
    assert str(token) not in fault.message
    assert not is_token(str(token))


def test_a_token_and_a_hash_are_one_too_many():
    _, faults = with_hash({"token": TOKEN, "token_hash": "a" * 64})
    assert faults == [Fault("token_hash", "is made of the token: give one of the two")]


def test_no_two_sources_have_one_token():
    twice = document_of({"token": TOKEN}, {"token": TOKEN})
    (fault,) = unresolved(twice, Configs(), prune=False)
    assert (fault.field, TOKEN in fault.message) == ("accounts[0].sources[1].token", False)
    taken = configs_of(a_source(id="s0", account_id=26, token_hash=hash_of(TOKEN)))
    assert len(unresolved(document_of({"token": TOKEN}), taken, prune=False)) == 1
    own = configs_of(a_source(id="s0", token_hash=hash_of(TOKEN)))
    assert unresolved(document_of({"token": TOKEN}, {}), own, prune=False) == []
