import pytest

from schemas.phases import PHASE_IDS, PHASES, canonical_phase

# The list of the user's document, in its order and with its spellings.
SEED_SPELLINGS = [
    *("starts", "starts", "answered", "session", "hangup", "update", "manual_update"),
    *("end_immedite", "End", "End_Delayed", "Sale", "Form", "Paid", "Cost", "Geokey"),
    *("Inbound_Text", "Outbound_Text", "Keyword", "Route", "Status_Change"),
]


def test_there_are_twenty_phases_in_the_order_of_the_list():
    assert [phase.number for phase in PHASES] == list(range(1, 21))
    assert len(PHASE_IDS) == 19  # inbound and outbound activities start in the same phase


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: f"{phase.number}-{phase.id}")
def test_every_spelling_of_a_phase_folds_to_its_id(phase):
    for name in (phase.id, *phase.aliases):
        for spelling in (name, name.upper(), name.title(), name.replace("_", " "), f" {name}-"):
            assert canonical_phase(spelling) == phase.id


@pytest.mark.parametrize(("row", "spelling"), [*enumerate(SEED_SPELLINGS)])
def test_the_spellings_of_the_users_document_are_known(row, spelling):
    assert canonical_phase(spelling) == PHASES[row].id


def test_no_spelling_belongs_to_two_phases():
    owners: dict[str, set[str]] = {}
    for phase in PHASES:
        for name in (phase.id, *phase.aliases):
            owners.setdefault(name.replace("_", ""), set()).add(phase.id)

    assert all(len(ids) == 1 for ids in owners.values())


@pytest.mark.parametrize("name", ["", " ", "_", "ends", "end!", "lunch", "end\n", "ènd"])
def test_anything_else_is_no_phase(name):
    assert canonical_phase(name) is None
