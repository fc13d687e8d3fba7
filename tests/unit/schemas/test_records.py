"""Keys, identifiers and the odds and ends of the records that agents write."""

from schemas.codec import Fault
from schemas.dead_letter import as_base64, dead_letter_faults
from schemas.ids import content_hash, delivery_id, derived_event_id
from tests.support.builders import a_dead_letter, a_failure, a_job, an_event
from tests.support.faults import faults_of


def test_all_jobs_of_a_webhook_have_one_key_and_its_failures_that_of_the_activity():
    assert a_job().key == b"25:crm"
    assert a_failure().key == an_event().key == b"25:4379952365"


def test_a_delivery_has_the_same_id_whenever_it_is_decided_on():
    assert delivery_id("ev_1", "crm", 25) == delivery_id("ev_1", "crm", 25)


def test_another_event_webhook_or_account_is_another_delivery():
    ids = {
        delivery_id("ev_1", "crm", 25),
        delivery_id("ev_2", "crm", 25),
        delivery_id("ev_1", "erp", 25),
        delivery_id("ev_1", "crm", 26),
    }

    assert len(ids) == 4


def test_ids_do_not_run_into_each_other():
    assert derived_event_id(2, "51", "end", "x") != derived_event_id(25, "1", "end", "x")


def test_ids_say_what_they_are_of_and_are_short_enough_for_a_header():
    assert delivery_id("ev_1", "crm", 25).startswith("dl_")
    assert derived_event_id(25, "1", "end", "x").startswith("ev_")
    assert len(delivery_id("ev_1", "crm", 25)) == len("dl_") + 26


def test_content_is_told_apart():
    assert content_hash(b"a") != content_hash(b"b")


def test_a_dead_letter_holds_bytes_as_text_and_nothing_as_nothing():
    assert as_base64(b"\xff\x00") == "/wA="
    assert as_base64(b"") == ""
    assert as_base64(None) is None


def test_a_dead_letter_has_a_reason():
    faults = dead_letter_faults((Fault("phase", "unknown phase"),))

    assert a_dead_letter(faults=faults).faults[0].field == "phase"
    assert list(faults_of(a_dead_letter, faults=[])) == ["faults"]
