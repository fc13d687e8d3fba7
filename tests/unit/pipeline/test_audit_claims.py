"""What an event must have led to, and where nobody can say so any more."""

import pytest

from pipeline.audit_claims import CLOCKS_MS, Claims, Owed, claims_of
from schemas.ids import delivery_id
from tests.support.builders import NOW_MS, a_trigger, a_webhook, an_account, an_event
from tests.support.configs import configs_of

EVENT = an_event()
ID = delivery_id(EVENT.event_id, "crm", EVENT.account_id)
WRITTEN = {"updated_at": "2026-05-01T23:48:05Z"}  # at NOW_MS
SOON = NOW_MS + CLOCKS_MS
LATER = SOON + 1


def claims(*records, at_ms=LATER, event=EVENT):
    return claims_of(event, at_ms, configs_of(*records), "1h")


def test_an_event_is_owed_to_the_webhooks_that_match_it():
    found = claims(an_account(), a_webhook(), a_webhook(id="sales", position="sale"))

    assert found == Claims((Owed(ID, is_certain=True),))


def test_an_event_of_nobody_is_owed_to_nobody():
    assert claims() == Claims(())


@pytest.mark.parametrize(
    "records",
    [
        (an_account(**WRITTEN), a_webhook()),
        (an_account(), a_webhook(**WRITTEN)),
        (an_account(), a_webhook(created_at=WRITTEN["updated_at"])),
    ],
)
def test_a_change_that_may_have_come_after_the_event_leaves_it_uncertain(records):
    assert claims(*records, at_ms=LATER).owed == (Owed(ID, is_certain=True),)
    assert claims(*records, at_ms=SOON).owed == (Owed(ID, is_certain=False),)


class TestEndDelayed:
    IT = a_webhook(id="late", position="end_delayed")

    def test_an_end_must_come_back_where_something_hears_of_that(self):
        (event_id,) = claims(an_account(), self.IT).later

        assert event_id.startswith("ev_")
        assert claims(an_account(), a_trigger(positions=["end_delayed"])).later == (event_id,)
        assert claims(an_account(), a_webhook()).later == ()

    def test_but_not_for_certain_if_that_was_changed_since(self):
        it = self.IT.model_copy(update=WRITTEN)

        assert claims(an_account(), it, at_ms=SOON).later == ()
        assert claims(an_account(**WRITTEN), self.IT, at_ms=SOON).later == ()
        assert claims(an_account(), it, at_ms=LATER).later != ()
