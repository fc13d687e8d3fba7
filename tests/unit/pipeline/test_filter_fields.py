"""What a filter's fields are: words of the form, both names of a custom field, tags, telephones."""

import pytest

from tests.support.filters import accepts


@pytest.mark.parametrize(
    ("op", "wanted", "holds"),
    [
        ("contains", "vip", True),
        ("contains", "VIP", True),
        ("contains", "vi", False),
        ("contains", "gold", False),
        ("contains", 7, True),
        ("not_contains", "gold", True),
        ("not_contains", "vip", False),
        ("eq", "vip", True),
        ("eq", "new lead, vip", False),
        ("ne", "gold", True),
        ("in", ["gold", "new lead"], True),
        ("not_in", ["gold", "vip"], False),
        ("starts_with", "new", True),
        ("ends_with", "gold", False),
        ("set", None, True),
        ("not_set", None, False),
    ],
)
@pytest.mark.parametrize(
    "tags",
    [
        ["new lead", "vip", "7"],
        ["7", "vip", "vip", "new lead"],
        "new lead, vip,7",
        "7,,vip,new lead ",
    ],
)
def test_tags_are_a_set_however_they_are_written(tags, op, wanted, holds):
    for field in ("Tag", "tag_list"):
        assert accepts(field, op, wanted, tag_list=tags) is holds


def test_no_tags_in_a_text_are_as_no_tags_in_a_list():
    for tags in ("", " , "):
        assert accepts("tags", "ne", "vip", tag_list=tags)
        assert accepts("tags", "not_set", None, tag_list=tags)
        assert not accepts("tags", "set", None, tag_list=tags)


def test_other_texts_with_commas_stay_texts():
    assert accepts("notes", "contains", "ll m", notes="call me, please")
    assert not accepts("notes", "eq", "please", notes="call me, please")


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("Tracking Source", "source"),
        ("tracking_source", "source"),
        ("Tracking Number", "tracking_number"),
        ("Tag", "tag_list"),
        ("Tag(s)", "tag_list"),
        ("tags", "tag_list"),
        ("TALK TIME", "talk_time"),
        ("talk_time", "talk_time"),
        ("Total Time", "duration"),
        ("total-time", "duration"),
        ("duration", "duration"),
        ("agent.name", "agent"),
    ],
)
def test_the_words_of_the_filter_form_name_the_fields_they_mean(written, field):
    value = {"name": "x"} if field == "agent" else "x"
    assert accepts(written, "eq", "x", **{field: value})


def test_a_custom_field_is_found_under_both_of_its_names():
    for written in ("custom_account", "custom_fields.account"):
        assert accepts(written, "eq", "A-17", custom_account="A-17")
        assert accepts(written, "eq", "A-17", custom_fields={"account": "A-17"})
        assert accepts(
            written, "eq", "A-17", custom_account=None, custom_fields={"account": "a-17"}
        )
        assert not accepts(written, "eq", "A-17", account="A-17")
    assert accepts("custom_fields", "set", None, custom_fields={"a": 1})
    assert not accepts("custom_fields[0]", "set", None, custom_fields={"a": 1})


@pytest.mark.parametrize(
    ("op", "wanted", "actual", "holds"),
    [
        ("eq", "+1 (720) 358-4118", "+17203584118", True),
        ("eq", "(720) 358-4118", "+17203584118", True),
        ("eq", "17203584118", "+17203584118", True),
        ("eq", 17203584118, "+17203584118", True),
        ("eq", "+17203584118", "(720) 358-4118", True),
        ("eq", "+44 20 7946 0000", "+442079460000", True),
        ("eq", "+442079460000", "2079460000", False),
        ("eq", "+17203584119", "+17203584118", False),
        ("eq", "anonymous", "+17203584118", False),
        ("eq", "Anonymous", "anonymous", True),
        ("ne", "(720) 358-4118", "+17203584118", False),
        ("in", ["(720) 358-4118"], "+17203584118", True),
        ("starts_with", "+1720", "(720) 358-4118", True),
        ("starts_with", "(720)", "+17203584118", True),
        ("ends_with", "358-4118", "+17203584118", True),
        ("contains", "358-41", "+17203584118", True),
        ("contains", "999", "+17203584118", False),
        ("contains", "anon", "+17203584118", False),
        ("starts_with", "720", "anonymous", False),
        ("eq", "+", "+", True),
        ("eq", "+17203584118", "+", False),
        ("eq", "+17203584118", ["x"], False),
    ],
)
def test_telephone_numbers_are_compared_by_their_digits(op, wanted, actual, holds):
    assert accepts("caller_number", op, wanted, caller_number=actual) is holds
    assert accepts("Tracking Number", op, wanted, tracking_number=actual) is holds


def test_only_telephone_fields_compare_by_digits():
    assert not accepts("custom_account_number", "eq", "17-1", custom_account_number="171")
    assert not accepts("agent.number", "eq", "17-1", agent={"number": "171"})
    assert not accepts("source", "eq", "17-1", source="171")
    assert accepts("caller_number_format", "eq", "720-358-4118", caller_number_format="7203584118")
