"""Mappings suggested for samples: by name, in several languages, and only where the value fits."""

import pytest

from pipeline.activity_fields import target_of
from pipeline.leaves import LEAVES_MAX, leaves_of
from pipeline.mapping import mapping_faults
from pipeline.sample_values import date_transform, fits, number_transform
from pipeline.suggesting import SHOWN_CHARACTERS_MAX, suggest
from pipeline.synonyms import FIRST_NAME, LAST_NAME, TARGETS, words_of
from tests.support.builders import a_source


def rows(payload):
    return {row.target: row.paths for row in suggest(payload).rows}


@pytest.mark.parametrize(
    "name",
    [
        *("primary_phone", "Phone", "your-phone", "contactPhone", "PHONE_NUMBER", "tel", "mobile"),
        *("q5_phoneNumber", "What is your phone number?", "Telefonnummer", "Ihre Rufnummer"),
        *("Téléphone mobile", "numero_de_telephone", "Teléfono móvil", "celular", "Cellulare"),
        *("telemóvel", "mobiel nummer", "numer telefonu", "mobilnummer", "puhelinnumero"),
        *("Телефон", "電話番号", "手机号", "전화번호", "customer.phone", "caller id", "From"),
    ],
)
def test_a_number_is_found_whatever_it_is_called(name):
    assert [*rows({"x": "y", name: "+17205550123"})][:1] == ["caller_number"]


def test_a_name_alone_is_not_enough_the_value_must_fit():
    wrong = {"phone": "yes", "email": "none", "name": "http://x.example", "zip": "Denver"}
    assert rows({**wrong, "city": 5, "created_at": "soon", "total": "free", "ip": "x"}) == {}
    assert suggest({"tags": [""], "phone": " ", "b": [[], {}]}).unused == ()
    assert rows({"phone": True, "phones": [1, 2], "mobile": "2026-05-01", "tel": "12"}) == {}


def test_the_number_may_have_up_to_three_paths_and_is_required():
    sample = dict.fromkeys(("fax", "mobile", "phone", "tel", "cell"), "+17205550123")
    (row,) = suggest(sample).rows
    assert (row.target, row.required, row.on_error) == ("caller_number", True, "reject")
    assert row.paths == ("mobile", "phone", "tel")


def test_the_name_of_a_thing_is_not_the_caller_s():
    assert rows({"item": {"name": "Door", "phone": "+17205550123"}, "page": {"name": "A"}}) == {
        "caller_number": ("item.phone",)
    }
    assert rows({"campaign": {"name": "Spring"}}) == {"campaign": ("campaign.name",)}


def test_what_is_the_shop_s_or_the_agent_s_is_not_the_caller_s():
    sample = {
        "store": {"phone": "+13035550100", "name": "Denver Doors", "city": "Denver"},
        "customer": {"phone": "+17205550123", "name": "Ann Lee"},
        "line_items": [{"name": "Door", "price": 5}, {"name": "Lock", "price": 6}],
    }
    assert rows(sample) == {
        "caller_number": ("customer.phone",),
        "name": ("customer.name",),
    }


def test_the_only_international_number_and_the_only_address_are_taken_under_any_name():
    assert rows({"field_7": "+1 720 555 0123", "field_8": "ann@example.com"}) == {
        "caller_number": ("field_7",),
        "email": ("field_8",),
    }
    assert rows({"field_7": "(720) 555-0123"}) == {"caller_number": ("field_7",)}
    assert rows({"field_7": "7205550123", "a": "a@b.example", "b": "b@b.example"}) == {}
    assert rows({"agent": {"x": "+17205550123", "y": "sam@example.com"}, "ip": 7}) == {}
    assert rows({"address": "203.0.113.9", "id": "123-4567890-1234567"}) == {}
    assert rows({"a": "+17205550123", "b": "+17205550124"}) == {}


@pytest.mark.parametrize(
    ("sample", "paths"),
    [
        ({"first_name": "Ann", "last_name": "Lee"}, ("first_name", "last_name")),
        ({"name": {"first": "Ann", "last": "Lee"}}, ("name.first", "name.last")),
        ({"Vorname": "Ann", "Name": "Lee"}, ("Vorname", "Name")),
        ({"first_name": "Ann", "name": "Ann Lee"}, ("name",)),
        ({"first_name": "Ann", "full_name": "A. Lee"}, ("full_name",)),
        ({"first_name": "Ann", "last_name": "Lee", "full_name": "Ann M. Lee"}, ("full_name",)),
        ({"prenom": "Zoé", "nom": "Martin"}, ("prenom", "nom")),
        ({"nom": "Zoé Martin"}, ("nom",)),
        ({"nome": "João da Silva"}, ("nome",)),
        ({"last_name": "Lee", "name": "Ann Lee"}, ("name",)),
    ],
)
def test_a_name_is_put_together_where_it_comes_in_halves(sample, paths):
    assert rows(sample)["name"] == paths
    (row,) = suggest(sample).rows
    assert [each.type for each in row.transforms] == ["concat"] * (len(paths) - 1)


def test_things_in_lists_are_found_by_their_names():
    sample = {
        "answers": [
            {"id": 1, "question": "Phone", "answer": "+17205550123"},
            {"id": 2, "question": "E-mail", "answer": ["ann@example.com"]},
            {"id": 3, "question": "E-mail", "answer": "bob@example.com"},
            "plain",
        ],
        "tags": ["a", "b"],
    }
    assert rows(sample) == {
        "caller_number": ("answers[question=Phone].answer",),
        "email": ("answers[id=2].answer[0]", "answers[id=3].answer"),
        "tag_list": ("tags",),
    }
    typed = {"a": [{"type": "phone_number", "phone_number": "+17205550123"}]}
    assert rows(typed) == {"caller_number": ("a[type=phone_number].phone_number",)}


def test_numbered_things_of_a_form_are_found_by_their_names():
    fields = {"2": {"name": "Phone", "value": "(720) 555-0123"}, "3": {"value": "x"}, "x": {}}
    assert rows({"fields": fields}) == {"caller_number": ("fields.2.value",)}


def test_a_call_s_numbers_are_told_apart():
    call = {
        "customer_phone_number": "+17205550123",
        "tracking_phone_number": "+13035550100",
        "business_phone_number": "+13035550199",
        "duration": "61",
        "talk_time": 42,
        "recording_url": "https://calls.example.com/1",
        "start_time": "2026-05-01T17:47:25Z",
    }
    assert rows(call) == {
        "caller_number": ("customer_phone_number",),
        "tracking_number": ("tracking_phone_number",),
        "business_number": ("business_phone_number",),
        "duration": ("duration",),
        "talk_time": ("talk_time",),
        "audio": ("recording_url",),
        "unix_time": ("start_time",),
    }


def test_things_that_are_no_answers_are_found_by_their_place():
    people = {"contacts": [{"name": "Ann Lee", "phone": "+17205550123"}]}
    assert rows(people) == {"caller_number": ("contacts[0].phone",), "name": ("contacts[0].name",)}
    assert [leaf.path for leaf in leaves_of({"a": [{"b": 1}, [2], 3]})] == [
        "a[0].b",
        "a[1]",
        "a[2]",
    ]
    same = [{"id": "a", "value": 1}, {"id": "a", "value": 2}, {"id": 'x"y', "value": 3}]
    assert [leaf.path for leaf in leaves_of({"a": same})] == [
        "a[0].value",
        "a[1].value",
        'a[id="x\\"y"].value',
    ]
    assert leaves_of({"a": [{"id": "", "value": 1}]})[1].path == "a[0].value"


def test_paths_find_what_they_were_made_for_and_are_bounded():
    deep = {"a": {"b c": {"d": [{"e": 1}]}}}
    (leaf,) = leaves_of(deep)
    assert leaf.path == 'a["b c"].d[0].e'
    nested = 1
    for _ in range(20):
        nested = {"x": nested}
    assert leaves_of({"n": nested, "k" * 300: 1, "m": 1})[-1].path == "m"
    assert len(leaves_of({str(n): n for n in range(LEAVES_MAX + 5)})) == LEAVES_MAX


def test_every_other_field_is_suggested_where_its_value_fits():
    sample = {
        "address": {"line1": "1 Elm St", "street": "1 Elm St", "city": "Denver", "zip": 80202},
        "utm_source": "google",
        "page_url": "https://example.com/a",
        "ip": "2001:db8::1",
        "submitted_at": "01.05.2026 17:47",
        "order_total": "1.234,50 €",
        "amount": "7.5",
        "message": "Hello",
        "company name": "Doors Inc",
    }
    found = {row.target: row for row in suggest(sample).rows}
    assert set(found) == {
        *("street", "city", "postal_code", "source", "location", "visitor_ip", "unix_time"),
        *("sale.value", "notes", "custom_company"),
    }
    assert found["unix_time"].transforms[0].format == "%d.%m.%Y %H:%M"
    assert found["sale.value"].transforms[0].decimal == ","
    assert all(row.on_error == "null" for row in found.values())
    assert suggest({"amount": 7.5}).rows[0].transforms == ()


def test_what_no_row_takes_is_offered_as_a_custom_field():
    sample = {
        "phone": "+17205550123",
        "Welches Tor?": "x" * 300,
        "x": {"b": 1, "B": 2},
        "...": [True],
        "blank": " ",
    }
    unused = suggest(sample).unused
    assert [(each.path, each.target) for each in unused] == [
        ('["Welches Tor?"]', "custom_welches_tor"),
        ("x.b", "custom_x_b"),
        ("x.B", "custom_x_b_2"),
        ('["..."]', "custom_field"),
    ]
    assert unused[0].value == f"{'x' * SHOWN_CHARACTERS_MAX}…"
    assert unused[1].value == 1


def test_a_suggestion_is_a_mapping_that_may_be_kept():
    sample = {
        "phone": "+17205550123",
        "first": "Ann",
        "surname": "Lee",
        "when?": {"created at": "2026-05-01"},
        "Größe": "L",
    }
    suggestion = suggest(sample)
    more = [{"target": each.target, "paths": [each.path]} for each in suggestion.unused]
    source = a_source(mapping=[*(row.model_dump() for row in suggestion.rows), *more])
    assert [*mapping_faults(source.mapping)] == []


def test_every_synonym_leads_to_a_field_and_can_be_found():
    targets = {*TARGETS.values()} - {FIRST_NAME, LAST_NAME}
    assert all(target_of(target).name == target for target in targets)
    assert all("".join(words_of(word)) == word for word in TARGETS)
    assert words_of("Téléphone_mobile2 (q12)") == ("telephone", "mobile2")
    assert words_of("XMLHttpStraße") == ("xml", "http", "strasse")


@pytest.mark.parametrize(
    ("target", "right", "wrong"),
    [
        ("caller_number", ["+1 (720) 555-0123 ext. 4", 7205550123.0], ["1-800-FLOWERS", [1], None]),
        ("name", ["Ann Lee", "山田"], ["ann@example.com", "12345", "x" * 101, 5]),
        ("postal_code", [80202, "SW1A 1AA"], ["Denver", True, "1" * 13, None]),
        ("street", ["1 Elm St"], ["80202", "a@b.example", 3]),
        ("referrer", ["https://x.example/"], ["x.example", 4]),
        ("visitor_ip", ["203.0.113.9"], ["nine", 9]),
        ("unix_time", [1777679285, "2026-05-01"], ["May", True, [1]]),
        ("sale.value", ["85.00", 85], [True, "none", None]),
        ("tag_list", ["a", ["a"]], [{"a": 1}, "x" * 501]),
        ("notes", ["x" * 600], [5]),
        ("source", ["ads"], ["x" * 501]),
    ],
)
def test_a_value_has_the_form_of_its_field(target, right, wrong):
    assert all(fits(target, value) for value in right)
    assert not any(fits(target, value) for value in wrong)


def test_a_time_and_a_price_are_read_as_they_are_written():
    assert date_transform("05/01/2026 05:47 PM").format == "%m/%d/%Y %I:%M %p"
    assert date_transform("May 1, 2026").format == "%B %d, %Y"
    assert date_transform("05/01/2026") is None
    assert number_transform("$1,234.50").decimal == "."
    assert number_transform("free") is None
