"""What a trigger asks of upstream: nothing that the activity is already."""

import pytest

from pipeline.trigger_commands import changing
from schemas.codec import validate
from schemas.trigger import Scoring, SettingField, Tagging


def tagging(**fields):
    return validate(Tagging, {"type": "tag", **fields})


def scoring(**fields):
    return validate(Scoring, {"type": "score", **fields})


def setting(value, name="stage"):
    return validate(SettingField, {"type": "custom_field", "name": name, "value": value})


def test_only_tags_that_are_missing_are_added_and_only_those_there_removed():
    asked = tagging(add=["hot", "new"], remove=["cold", "spam"])
    assert changing(asked, {"tag_list": ["HOT", "cold"]}) == tagging(add=["new"], remove=["cold"])
    assert changing(asked, {"tag_list": "hot, new"}) is None


@pytest.mark.parametrize("activity", [{}, {"tag_list": None}, {"tag_list": 5}])
def test_where_no_tags_are_known_all_are_asked_for(activity):
    asked = tagging(add=["hot"], remove=["cold"])
    assert changing(asked, activity) == asked


def test_only_what_differs_of_a_score_is_asked_for():
    asked = scoring(score=4, conversion=True, value="85.00")
    known = {"sale": {"score": 4, "conversion": "on", "value": "80.00"}}
    assert changing(asked, known) == scoring(value="85.00")
    assert changing(asked, {"sale": {"score": 4.0, "conversion": True, "value": 85}}) is None


@pytest.mark.parametrize("activity", [{}, {"sale": None}, {"sale": "4"}])
def test_without_a_sale_the_whole_score_is_asked_for(activity):
    asked = scoring(score=0, conversion=False)
    assert changing(asked, activity) == asked


@pytest.mark.parametrize("activity", [{"custom_fields": {"stage": "Won"}}, {"custom_stage": "Won"}])
def test_a_custom_field_is_set_only_to_another_text(activity):
    assert changing(setting("Won"), activity) is None
    assert changing(setting("won"), activity) == setting("won")
    assert changing(setting("Won", name="next.step"), activity) is not None


def test_a_field_that_is_a_number_has_the_text_of_it():
    assert changing(setting("17"), {"custom_stage": 17}) is None
