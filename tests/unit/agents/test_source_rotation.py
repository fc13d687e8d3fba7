"""A change of keys reaches the secrets of sources, too."""

from agents.sealing.keys import new_nonce
from agents.sealing.rotation import examine
from pipeline.sealing import sealed_anew
from schemas.config import key_of
from tests.support.builders import a_source
from tests.support.commands import NEW, OLD
from tests.support.configs import configs_of

SOURCE = a_source(verification={"type": "github", "secrets": ["hunter2"]})


def test_a_source_is_sealed_by_the_first_key_or_waits_to_be_or_opens_with_none():
    key = key_of(SOURCE)
    plain = examine(configs_of(SOURCE), (NEW,))
    assert (plain.current, plain.stale) == ((), (key,))
    by_old = sealed_anew(SOURCE, (OLD,), new_nonce)
    assert examine(configs_of(by_old), (NEW, OLD)).stale == (key,)
    assert [*examine(configs_of(by_old), (NEW,)).unreadable] == [key]
    by_new = sealed_anew(by_old, (NEW, OLD), new_nonce)
    assert examine(configs_of(by_new), (NEW,)).current == (key,)
